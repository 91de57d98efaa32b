"""Trains a generator from the command line, without web pages, jobs or a database; also on several GPUs.

    python -m generation.gan.train_alone --generator acgan --data images/ --out run/ --set iterations=2000
    torchrun --nproc-per-node 2 -m generation.gan.train_alone --generator acgan --data images/ --out run/ --resume

`--data` is a directory or .npz file for `generation.gan.image_files.open_training_images`. The output directory gets
`settings.json`, `checkpoints/`, `grids/` and `curves.jsonl`. SIGTERM or Ctrl-C saves a checkpoint and ends with status
0; `--resume` goes on from the newest, bit for bit. With `--json`, what happens is said in lines of JSON.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from generation.gan.checkpoint import (
    CheckpointData,
    CheckpointError,
    checkpoint_name,
    list_checkpoints,
    load_checkpoint,
    prune_checkpoints,
    save_checkpoint,
)
from generation.gan.distributed import world
from generation.gan.grids import grid_png
from generation.gan.image_files import open_training_images
from generation.gan.memory import estimate_memory, memory_warning
from generation.gan.presets import PRESETS
from generation.gan.processes import join_torchrun, leave_group
from generation.gan.registry import get_generator, list_generators
from generation.gan.training import TrainingDivergedError, TrainingMemoryError, TrainingProgress, train
from worker.compute.devices import choose_device, device_name
from worker.compute.settings import setting_range

SAY_EVERY = 5.0  # seconds between lines on progress


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    say = Speaker(json_lines=options.json)
    try:
        join_torchrun(options.device)
        run(options, say)
    except (ValueError, TrainingDivergedError, TrainingMemoryError) as error:
        say("error", text=str(error))
        return 1
    finally:
        leave_group()
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m generation.gan.train_alone", description=__doc__.split("\n")[0])
    parser.add_argument("--generator", choices=[kind.name for kind in list_generators()], required=True)
    parser.add_argument("--data", type=Path, required=True, help="directory or .npz file of training images")
    parser.add_argument("--out", type=Path, required=True, help="directory of the run")
    parser.add_argument("--preset", choices=sorted(PRESETS), help="settings to begin with; else the defaults")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings; lists with commas")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in --out")
    parser.add_argument("--keep", type=int, nargs="*", default=[], help="steps whose checkpoints are made and kept")
    parser.add_argument("--json", action="store_true", help="say what happens in lines of JSON")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace, say: "Speaker") -> None:
    config = make_config(options.generator, options.preset, options.set)
    images = open_training_images(options.data)
    device = choose_device(options.device)
    if device == "cuda" and world().size > 1:
        device = f"cuda:{torch.cuda.current_device()}"
    checkpoints = options.out / "checkpoints"
    resume = newest(checkpoints, say) if options.resume else None
    if not options.resume and list_checkpoints(checkpoints):
        raise ValueError(f"{options.out} holds a run already; add --resume to go on with it, or choose another --out")
    output = Output(options.out, say, keep=set(options.keep))
    if world().leads:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "settings.json").write_text(
            json.dumps({"generator": options.generator, **config.to_dict()}, indent=1), encoding="utf-8"
        )
        estimate = estimate_memory(
            options.generator, config, n_classes=len(images.classes), image_bytes=memory_of(images.pixels)
        )
        warning = memory_warning(estimate, device)
        say("start", device=device_name(device), processes=world().size, memory=estimate.in_words(), warning=warning)
    with stop_on_signals() as stopped:
        outcome = train(
            generator=options.generator,
            config=config,
            images=images,
            resume=resume,
            device=device,
            milestones=options.keep,
            save=output.save,
            grid=output.grid,
            metrics=output.metrics,
            progress=output.progress,
            abort=lambda: stopped.is_set,
            log=lambda text: say("warning", text=text),
        )
    say(
        "finished" if outcome.finished else "stopped",
        iteration=outcome.iteration,
        images_seen=outcome.images_seen,
        skipped_steps=outcome.skipped_steps,
        waiting_share=None if outcome.waiting_share is None else round(outcome.waiting_share, 4),
    )


def make_config(generator: str, preset: str | None, given: Sequence[str]) -> Any:
    """The configuration. Raises ValueError for a setting that is unknown or cannot be used."""
    kind = get_generator(generator)
    config = kind.config() if preset is None else PRESETS[preset].make(0)
    if preset is not None and PRESETS[preset].generator != generator:
        raise ValueError(f"Preset {preset!r} is for generator {PRESETS[preset].generator!r}, not {generator!r}")
    known = {one.name: one for one in fields(kind.config)}
    values: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        reason = getattr(kind.config, "not_offered", {}).get(name)
        if reason:
            raise ValueError(f"--set {text}: {generator} has no setting {name}: {reason}")
        if not sign or name not in known:
            raise ValueError(f"--set {text}: write NAME=VALUE with a name of {', '.join(known)}")
        values[name] = _value(known[name], value)
    return replace(config, **values)


def newest(directory: Path, say: "Speaker") -> CheckpointData | None:
    """The newest checkpoint that can be read; None when there is none."""
    for _, path in reversed(list_checkpoints(directory)):
        try:
            return load_checkpoint(path)
        except CheckpointError as error:
            say("warning", text=f"{error}. Going back to an earlier one.")
    return None


def memory_of(pixels: NDArray[np.uint8]) -> int:
    return 0 if isinstance(pixels, np.memmap) else pixels.nbytes


class Speaker:
    """Says what happens, from the first process alone: a line of JSON or of words."""

    def __init__(self, *, json_lines: bool) -> None:
        self.json_lines = json_lines

    def __call__(self, event: str, **values: Any) -> None:
        if not world().leads:
            return
        if self.json_lines:
            line = json.dumps({"event": event, **values})
        else:
            words = [f"{name} {value}" for name, value in values.items() if name != "text" and value is not None]
            line = f"{event}: {values['text']}" if "text" in values else f"{event}: {', '.join(words)}"
        stream = sys.stderr if event in ("error", "warning") and not self.json_lines else sys.stdout
        stream.write(line + "\n")
        stream.flush()


class Output:
    """The files of a run."""

    def __init__(self, directory: Path, say: Speaker, *, keep: set[int]) -> None:
        self.directory, self.say, self.keep = directory, say, keep
        self.said = 0.0

    def save(self, data: CheckpointData) -> None:
        path = self.directory / "checkpoints" / checkpoint_name(data.iteration)
        sha256 = save_checkpoint(path, data)
        prune_checkpoints(path.parent, keep=self.keep)
        self.say("checkpoint", iteration=data.iteration, images_seen=data.images_seen, file=path.name, sha256=sha256)

    def grid(self, images_seen: int, images: NDArray[np.uint8]) -> None:
        path = self.directory / "grids" / f"grid-{images_seen:010d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(grid_png(images))
        self.say("grid", images_seen=images_seen, file=path.name)

    def metrics(self, images_seen: int, values: dict[str, float]) -> None:
        with (self.directory / "curves.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"images_seen": images_seen, **values}) + "\n")
        self.say("metrics", images_seen=images_seen, **values)

    def progress(self, now: TrainingProgress) -> None:
        if time.monotonic() - self.said < SAY_EVERY:
            return
        self.said = time.monotonic()
        self.say(
            "progress",
            images_seen=now.images_seen,
            total_images=now.total_images,
            iteration=now.iteration,
            image_size=now.stage.image_size,
            seconds_left=None if now.seconds_left is None else round(now.seconds_left),
        )


class stop_on_signals:  # noqa: N801 - used as a function, like contextlib's own
    """Within it SIGTERM and SIGINT set `is_set` instead of ending the process."""

    def __init__(self) -> None:
        self.is_set = False
        self.before: dict[int, Any] = {}

    def __enter__(self) -> "stop_on_signals":
        for number in (signal.SIGTERM, signal.SIGINT):
            self.before[number] = signal.signal(number, self._set)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _set(self, number: int, frame: FrameType | None) -> None:
        self.is_set = True


def _value(one: Any, text: str) -> Any:
    """`text` as the type of the setting's default."""
    default = one.default
    item = default[0] if isinstance(default, tuple) else default
    try:
        if isinstance(item, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, tuple):
            return tuple(type(item)(part) for part in text.split(","))
        return type(item)(text)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{one.name} is {text!r}; {setting_range(one).help}") from error


if __name__ == "__main__":
    sys.exit(main())
