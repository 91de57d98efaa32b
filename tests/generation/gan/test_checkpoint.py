"""A checkpoint is one whole file or none; reading one is safe and says what is wrong."""

import os
import pickle
from dataclasses import replace

import pytest
import torch

from generation.gan import checkpoint
from generation.gan.checkpoint import (
    CheckpointError,
    choose_best,
    file_sha256,
    list_checkpoints,
    load_checkpoint,
    prune_checkpoints,
    save_checkpoint,
)
from generation.gan.state import TrainingState


@pytest.fixture
def data(small_config, images):
    return TrainingState(generator="acgan", config=small_config, images=images).snapshot()


def test_everything_comes_back(tmp_path, data):
    digest = save_checkpoint(tmp_path / "checkpoint-00000001.pt", data)

    again = load_checkpoint(tmp_path / "checkpoint-00000001.pt", sha256=digest)

    assert digest == file_sha256(tmp_path / "checkpoint-00000001.pt")
    assert replace(again, networks={}, random_states={}) == replace(data, networks={}, random_states={})
    for name, values in data.networks["generator"].items():
        assert torch.equal(again.networks["generator"][name], values)
    for name, state in data.random_states.items():
        assert torch.equal(again.random_states[name], state)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, data, monkeypatch):
    path = tmp_path / "checkpoint-00000001.pt"
    digest = save_checkpoint(path, data)

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, replace(data, iteration=5))

    assert file_sha256(path) == digest
    assert list(tmp_path.iterdir()) == [path]


def test_a_changed_file_is_refused(tmp_path, data):
    path = tmp_path / "checkpoint-00000001.pt"
    digest = save_checkpoint(path, data)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(CheckpointError, match=r"^Checkpoint checkpoint-00000001.pt has changed since it was recorded"):
        load_checkpoint(path, sha256=digest)


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_a_truncated_file_is_refused(tmp_path, data, keep):
    path = tmp_path / "checkpoint-00000001.pt"
    save_checkpoint(path, data)
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(CheckpointError, match=r"^Checkpoint checkpoint-00000001.pt cannot be read: "):
        load_checkpoint(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"^Checkpoint gone.pt is missing"):
        load_checkpoint(tmp_path / "gone.pt")


class _Bomb:
    def __reduce__(self):
        return os.system, ("echo ran > ran.txt",)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")  # a plain pickle, on purpose
def test_loading_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"format": 1, "config": _Bomb()}, tmp_path / "bomb.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(_Bomb()))

    for name in ("bomb.pt", "plain.pt"):
        with pytest.raises(CheckpointError, match="cannot be read"):
            load_checkpoint(tmp_path / name)

    assert not (tmp_path / "ran.txt").exists()


def test_another_kind_of_file_is_refused(tmp_path):
    torch.save({"format": checkpoint.FORMAT + 1}, tmp_path / "newer.pt")
    torch.save([1, 2], tmp_path / "list.pt")

    for name in ("newer.pt", "list.pt"):
        with pytest.raises(CheckpointError, match="is not a checkpoint of format 1 or 2"):
            load_checkpoint(tmp_path / name)


def test_pruning_keeps_the_newest_and_the_recorded(tmp_path):
    for iteration in (5, 10, 20, 100, 1000):
        (tmp_path / f"checkpoint-{iteration}.pt").touch()  # not padded: the order is that of numbers
    (tmp_path / ".checkpoint-00000005.pt.77.tmp").touch()

    prune_checkpoints(tmp_path, keep={10, 20})

    assert [iteration for iteration, _ in list_checkpoints(tmp_path)] == [10, 20, 1000]
    assert not list(tmp_path.glob(".*"))


def test_the_best_are_chosen_by_the_measure():
    values = {10: 3.0, 20: 1.0, 30: 2.0, 40: 1.0, 50: float("nan")}

    assert choose_best(values, count=2) == {20, 40}
    assert choose_best(values, count=1) == {20}  # of equals the earlier
    assert choose_best(values, count=2, lower_is_better=False) == {10, 30}
    assert choose_best(values, count=9) == {10, 20, 30, 40}
    with pytest.raises(ValueError, match="count is -1; it must be 0 or more"):
        choose_best(values, count=-1)
