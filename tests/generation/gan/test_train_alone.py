"""The command without web pages: runs to the end, stops on a signal, resumes, and shares a batch among processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from generation.gan import train_alone
from generation.gan.checkpoint import CheckpointData, list_checkpoints, load_checkpoint
from generation.gan.config import AcganConfig
from generation.gan.training import train
from tests.generation.gan.conftest import SMALL, make_images
from tests.generation.gan.test_training import assert_same_state

ROOT = Path(__file__).resolve().parents[3]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def settings(**changes) -> list[str]:
    values = {**SMALL, **changes}
    texts = {name: ",".join(map(str, value)) if isinstance(value, tuple) else value for name, value in values.items()}
    return ["--set", *[f"{name}={value}" for name, value in texts.items()]]


@pytest.fixture
def data(tmp_path) -> Path:
    images = make_images()
    np.savez(tmp_path / "set.npz", pixels=images.pixels, labels=images.labels, classes=np.array(images.classes))
    return tmp_path / "set.npz"


def arguments(data: Path, out: Path, *more: str, **changes) -> list[str]:
    return [
        "--generator",
        "acgan",
        "--data",
        str(data),
        "--out",
        str(out),
        "--device",
        "cpu",
        *more,
        *settings(**changes),
    ]


def last(out: Path) -> CheckpointData:
    return load_checkpoint(list_checkpoints(out / "checkpoints")[-1][1])


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_whole_run_leaves_what_it_says(data, tmp_path, capsys):
    out = tmp_path / "run"

    status = train_alone.main(arguments(data, out, "--json", "--keep", "7", iterations=20))

    said = lines(capsys.readouterr().out)
    assert status == 0
    assert [event["event"] for event in said if event["event"] not in ("progress", "metrics", "grid")] == [
        "start",
        "checkpoint",
        "checkpoint",
        "checkpoint",
        "finished",
    ]
    assert 0 <= said[-1].pop("waiting_share") < 1
    assert said[-1] == {"event": "finished", "iteration": 20, "images_seen": 160, "skipped_steps": 0}
    assert [iteration for iteration, _ in list_checkpoints(out / "checkpoints")] == [7, 20]
    assert [line["images_seen"] for line in lines((out / "curves.jsonl").read_text())] == [40, 80, 120, 160]
    assert sorted(path.name for path in (out / "grids").iterdir()) == ["grid-0000000000.png", "grid-0000000160.png"]
    assert json.loads((out / "settings.json").read_text())["generator_channels"] == [8, 6, 4]


def test_a_signal_saves_and_resuming_gives_the_same_bits(data, tmp_path):
    out, whole = tmp_path / "run", []
    train(generator="acgan", config=AcganConfig(**{**SMALL, "iterations": 60}), images=make_images(), save=whole.append)
    command = [sys.executable, "-m", "generation.gan.train_alone", *arguments(data, out, "--json", iterations=100_000)]
    with subprocess.Popen(command, cwd=ROOT, env=ONE_THREAD, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"checkpoint"' in line:  # it trains
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stdout.read()
    stopped = json.loads(rest.splitlines()[-1])
    assert (process.returncode, stopped["event"]) == (0, "stopped")
    assert last(out).iteration == stopped["iteration"]
    if stopped["iteration"] > 60:
        pytest.skip("this machine trained past the end of the comparison before the signal came")

    status = train_alone.main(arguments(data, out, "--resume", iterations=60))

    assert status == 0
    assert_same_state(last(out), whole[-1])


def test_two_processes_compute_the_gradients_of_one(data, tmp_path):
    """Adam's first mean after one step is (1 - beta1) times the gradient; a learning rate near 0 keeps the weights the
    same for the generator's step."""
    changes = {"iterations": 1, "learning_rate": 1e-12}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    two = [*launcher, "-m", "generation.gan.train_alone", *arguments(data, tmp_path / "two", **changes)]
    subprocess.run(two, cwd=ROOT, env=ONE_THREAD, check=True, timeout=300)
    assert train_alone.main(arguments(data, tmp_path / "one", **changes)) == 0

    ours, theirs = last(tmp_path / "two"), last(tmp_path / "one")
    for name in ("generator", "discriminator"):
        for number, state in ours.optimisers[name]["state"].items():
            gradient, expected = state["exp_avg"], theirs.optimisers[name]["state"][number]["exp_avg"]
            assert float(expected.abs().max()) > 0
            # single precision, sums in another order; a gradient that is nil but for rounding is compared with 1e-7
            assert torch.allclose(gradient, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()) + 1e-7)
        for key, value in theirs.networks[name].items():
            assert torch.allclose(ours.networks[name][key].double(), value.double(), rtol=1e-4, atol=1e-6), key
    assert ours.images_seen == theirs.images_seen == 8
    for name, state in theirs.random_states.items():
        assert torch.equal(ours.random_states[name], state)


def test_a_signal_to_torchrun_saves_and_leaves_no_process(data, tmp_path):
    out = tmp_path / "run"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    own = arguments(data, out, "--json", iterations=100_000, checkpoint_every=100_000, grid_every=100_000)
    command = [*launcher, "-m", "generation.gan.train_alone", *own]
    with subprocess.Popen(command, cwd=ROOT, env=ONE_THREAD, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"progress"' in line:  # both train
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stdout.read()  # ends when no process is left that could write
    stopped = [line for line in lines(rest) if line["event"] == "stopped"]

    assert [line["iteration"] for line in stopped] == [last(out).iteration]
    assert last(out).processes == 2
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if str(out).encode() in command_line(pid)]


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--generator", "pggan", "--set", "compile=true"],
            "--set compile=true: pggan has no setting compile: torch.compile cannot differentiate a gradient",
        ),
        (
            ["--generator", "stylegan2", "--set", "compile=true"],
            "--set compile=true: stylegan2 has no setting compile: torch.compile cannot differentiate a gradient",
        ),
        (["--set", "depth=3"], "--set depth=3: write NAME=VALUE with a name of iterations, "),
        (["--set", "iterations=many"], "iterations is 'many'; "),
        (["--set", "batch_size=1"], "batch_size is 1; it must be a whole number from 2 to 4096"),
        (["--data", "nowhere.npz"], "nowhere.npz cannot be read as training images"),
    ],
)
def test_what_cannot_be_used_is_said_in_words(data, tmp_path, capsys, more, message):
    base = ["--generator", "acgan", "--data", str(data), "--out", str(tmp_path / "run"), "--device", "cpu"]

    status = train_alone.main([*base, *more])

    assert status == 1
    assert f"error: {message}" in capsys.readouterr().err


def test_a_run_is_not_overwritten(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert train_alone.main(arguments(data, out, iterations=1)) == 0

    assert train_alone.main(arguments(data, out, iterations=1)) == 1
    assert "holds a run already; add --resume" in capsys.readouterr().err
