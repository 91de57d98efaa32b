"""Seconds from the request to cancel a training to its state "cancelled", in each phase of it, against the 5 promised.

`python benchmarks/cancel.py` from the root of the project. The job runs as a worker runs it, in a process of its own
with its heartbeat; the cancel is asked for as the page asks. Networks and images are made so large that each phase
takes much longer than 5 seconds; `--phase` does some of them, `--size` makes images and networks larger.

    collecting   rendering the training images
    smaller      making smaller copies of the images, for networks that grow
    step         within a step of a progressive GAN at --size pixels, on the CPU
    measure      the distance to real images at a checkpoint
    saving       right after a checkpoint began to be written
    sampling     a sampling job, while images are drawn from such a network

Baseline of the same run: the time that a step, a measure or a checkpoint takes when it is not left.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PROMISED = 5.0  # seconds
PHASES = ("collecting", "smaller", "step", "measure", "saving", "sampling")
PATIENCE = 900.0  # seconds until a phase is reached


def main() -> None:
    parser = argparse.ArgumentParser(description="Time from a cancel to its state, in each phase of a training.")
    parser.add_argument("--phase", nargs="+", choices=PHASES, default=PHASES)
    parser.add_argument("--size", type=int, default=512, help="pixels of images and of the progressive GAN")
    parser.add_argument("--maps", type=int, default=512, help="feature maps of it, at most; 512 are published")
    parser.add_argument("--batch", type=int, default=4, help="images of a step; at 512 pixels 4 take about 8 GB")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of PyTorch")
    parser.add_argument("--one", choices=PHASES, help=argparse.SUPPRESS)  # in the process of one phase
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options)))
        return
    print(f"{platform.platform()}, Python {platform.python_version()}, {options.threads} threads of PyTorch")
    print(
        f"{options.images} images of {options.size} pixels; load {os.getloadavg()[0]:.1f}; promised: {PROMISED:.0f} s"
    )
    for phase in options.phase:
        arguments = [sys.executable, __file__, "--one", phase]
        for name in ("size", "maps", "batch", "images", "threads"):
            arguments += [f"--{name}", str(getattr(options, name))]
        with tempfile.TemporaryDirectory(prefix="cancel-benchmark-") as folder:
            environment = {
                **os.environ,
                "DATA_DIR": folder,
                "SECRET_KEY": "of a benchmark",
                "DATABASE_URL": "",
                "OMP_NUM_THREADS": str(options.threads),
            }
            done = subprocess.run(arguments, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        row = json.loads(done.stdout.splitlines()[-1])
        ratio, load = row["seconds"] / PROMISED, os.getloadavg()[0]
        print(
            f"{phase:11s} {row['state']:10s} after {row['seconds']:5.1f} s, {ratio:4.2f} of what is promised, "
            f"{row['processor']:.1f} s of processor time; not left, {row['whole']}; {row['kept']}; load {load:.1f}",
            flush=True,
        )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """One phase, in a process of its own."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    job, is_there, whole = PREPARE[options.one](options)

    from worker.execution.runner import run_job
    from worker.lifecycle import claim_job
    from worker.services import request_cancel

    lease = claim_job(job_id=job.pk, worker_name="benchmark")
    assert lease is not None
    worker = threading.Thread(target=run_job, kwargs={"lease": lease, "stopping": threading.Event()})
    worker.start()
    deadline = time.monotonic() + PATIENCE
    while not is_there(job):
        job.refresh_from_db()
        if not job.is_active or time.monotonic() > deadline:
            raise SystemExit(f"{options.one} was not reached: {job.state} {job.message} {job.error}")
        time.sleep(0.05)
    start, used = time.monotonic(), [processor_seconds(job.process_id)]
    request_cancel(job=job)
    while job.is_active:
        time.sleep(0.05)
        used.append(processor_seconds(job.process_id))
        job.refresh_from_db()
    seconds = time.monotonic() - start
    worker.join()
    kept = sorted((job.directory / "checkpoints").glob("checkpoint-*.pt"))
    words = f"{kept[-1].name} of {kept[-1].stat().st_size / 1e6:.0f} MB kept" if kept else "no checkpoint"
    return {"seconds": seconds, "processor": max(used) - used[0], "state": job.state, "whole": whole, "kept": words}


def processor_seconds(process: int | None) -> float:
    """Of all threads of a process so far; 0 when it is gone. On Linux."""
    try:
        times = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in times) / os.sysconf("SC_CLK_TCK")


Prepared = tuple[Any, Callable[[Any], bool], str]


def dataset(count: int, side: int) -> Any:
    """Phantoms; a few pictures under many patients, so that they are made quickly."""
    from imaging.phantoms import chest_phantom
    from tests.factories import DatasetFactory, ImageFactory

    images = DatasetFactory(name="Phantoms", is_phantom=True)
    base = [chest_phantom(seed=seed, size=256, lesion=seed % 2 == 0) for seed in range(8)]
    for number in range(count):
        pixels = base[number % 8].copy()
        pixels.flat[:4] = [number % 256, number // 256 % 256, side % 256, 0]  # each its own
        ImageFactory(dataset=images, pixels=pixels, label="lesion" if number % 2 == 0 else "normal")
    return images


def pggan(size: int, *, whole: bool, maps: int = 512, batch: int = 4, **changes: Any) -> Any:
    """`whole`: at its last size nearly at once."""
    from generation.gan.pggan_config import PgganConfig

    lengths = {"stabilise_kimg": 0.004, "fade_in_kimg": 0.004, "total_kimg": 100.0} if whole else {"total_kimg": 1e5}
    widths = {"feature_maps_max": maps, "feature_maps_base": 16 * maps, "batch_sizes": (batch,) * 9}
    return PgganConfig(**{"image_size": size, "grid_kimg": 1e5, **widths, **lengths, **changes})


def start(options: argparse.Namespace, config: Any, generator: str = "pggan", **more: Any) -> Any:
    from generation.services import start_training

    images = dataset(options.images, options.size)
    run = start_training(
        name="Cancelled", dataset=images, config=config, generator=generator, created_by=None, device="cpu", **more
    )
    return run.job


def says(job: Any, text: str) -> bool:
    job.refresh_from_db()
    return text in job.message


def at_size(job: Any, size: int) -> bool:
    return says(job, f"{size} x {size} pixels")


def collecting(options: argparse.Namespace) -> Prepared:
    options.images = max(options.images, 2000)
    job = start(options, pggan(1024, whole=False, maps=32))
    return job, lambda job: says(job, "Preparing") and job.progress_done > 10, f"{options.images} images to render"


def smaller(options: argparse.Namespace) -> Prepared:
    options.images = max(options.images, 1500)
    job = start(options, pggan(1024, whole=False, maps=32))
    what = f"{options.images} images of 1024 pixels, {options.images * 1024**2 / 1e9:.1f} GB"
    return job, lambda job: says(job, "smaller copies") and job.progress_done > 0, what


def step(options: argparse.Namespace) -> Prepared:
    config = pggan(options.size, whole=True, maps=options.maps, batch=options.batch)
    seconds = step_seconds(config, options.threads)
    job = start(options, config)
    reached = [0.0]

    def within(job: Any) -> bool:
        """A third of a step after the size was reached."""
        if not reached[0] and at_size(job, options.size):
            reached[0] = time.monotonic()
        return bool(reached[0]) and time.monotonic() - reached[0] > seconds / 3

    return job, within, f"a step takes {seconds:.1f} s"


def step_seconds(config: Any, threads: int) -> float:
    import torch

    from generation.gan.pggan import PgganRecipe
    from generation.gan.pggan_config import schedule

    torch.set_num_threads(threads)
    phase = schedule(config)[-1]
    recipe = PgganRecipe(config, n_classes=1)
    real = torch.rand(config.batch_sizes[phase.level], 1, phase.side, phase.side)
    began = time.monotonic()
    recipe.step(
        real,
        torch.zeros(len(real), dtype=torch.int64),
        images_seen=phase.first_image,
        random=torch.Generator().manual_seed(0),
    )
    return time.monotonic() - began


def measuring(options: argparse.Namespace) -> Prepared:
    from generation.gan.presets import demonstration_config

    config = demonstration_config()
    job = start(options, type(config)(**{**config.to_dict(), "checkpoint_every": 2}), "acgan", best_by="kid")
    reached = [0.0]

    def within(job: Any) -> bool:
        """Progress stops at the second step, while it measures."""
        job.refresh_from_db()
        if not reached[0] and job.progress_unit == "images seen" and job.progress_done >= 32:
            reached[0] = time.monotonic()
        return bool(reached[0]) and time.monotonic() - reached[0] > 3

    return job, within, "512 features of a DenseNet-121"


def saving(options: argparse.Namespace) -> Prepared:
    config = pggan(64, whole=False, checkpoint_kimg=0.004)  # at 1024 pixels it has hardly more weights
    job = start(options, config)

    def within(job: Any) -> bool:
        return any((job.directory / "checkpoints").glob(".checkpoint-*.tmp"))

    return job, within, "a checkpoint of networks of published width"


def sampling(options: argparse.Namespace) -> Prepared:
    import numpy as np

    from generation.gan.checkpoint import save_checkpoint
    from generation.gan.data import TrainingImages
    from generation.gan.state import TrainingState
    from generation.services import record_checkpoint, start_sampling, start_training

    config = pggan(options.size, whole=True, maps=options.maps)
    images = dataset(8, 64)
    run = start_training(name="To sample", dataset=images, config=config, generator="pggan", created_by=None)
    pixels = np.zeros((2, options.size, options.size), dtype=np.uint8)
    state = TrainingState(
        generator="pggan",
        config=config,
        images=TrainingImages(pixels=pixels, labels=np.zeros(2, dtype=np.int64), classes=("all",)),
    )
    state.recipe.prepare(state.recipe.stage(state.recipe.total_images))  # type: ignore[attr-defined]
    path = run.job.directory / "checkpoints" / "checkpoint-00000001.pt"
    checkpoint = record_checkpoint(
        run=run, iteration=1, file_name=f"checkpoints/{path.name}", sha256=save_checkpoint(path, state.snapshot())
    )
    drawn = start_sampling(
        checkpoint=checkpoint, per_class={"all": 1000}, seed=1, dataset_name="Drawn", created_by=None
    )

    reached = [0.0]

    def within(job: Any) -> bool:
        job.refresh_from_db()
        if not reached[0] and job.progress_total:
            reached[0] = time.monotonic()
        return bool(reached[0]) and time.monotonic() - reached[0] > 3

    return drawn.job, within, f"1,000 images of {options.size} pixels, exact"


PREPARE: dict[str, Callable[[argparse.Namespace], Prepared]] = {
    "collecting": collecting,
    "smaller": smaller,
    "step": step,
    "measure": measuring,
    "saving": saving,
    "sampling": sampling,
}


if __name__ == "__main__":
    main()
