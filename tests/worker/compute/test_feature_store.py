"""Records on disk that several processes write at once and any of them may be killed over."""

import hashlib
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from worker.compute.feature_store import FeatureStore

WIDTH = 5
KEYS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(60)]


def vectors(keys) -> np.ndarray:
    return np.array([np.frombuffer(bytes.fromhex(key)[:WIDTH], np.uint8) for key in keys], dtype=np.float32)


def open_store(folder, writer="one") -> FeatureStore:
    return FeatureStore(folder / "store", n_features=WIDTH, writer=writer)


def fill(folder, writer: str) -> None:
    store = open_store(folder, writer)
    for start in range(0, 60, 3):
        keys = [key for key in KEYS[start : start + 3] if key not in store]
        store.add(keys, vectors(keys))


def fill_slowly(folder, writer: str) -> None:
    store = open_store(folder, writer)
    for key in KEYS:
        store.add([key], vectors([key]))
        time.sleep(0.05)


def test_two_processes_may_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=fill, args=(tmp_path, name)) for name in ("one", "two")]
    for process in writers:
        process.start()
    for process in writers:
        process.join()

    found = open_store(tmp_path, "three").gather(KEYS[::-1], tmp_path / "out.npy")

    assert [process.exitcode for process in writers] == [0, 0]
    assert np.array_equal(found, vectors(KEYS[::-1]))


@pytest.mark.faults
def test_a_killed_process_leaves_whole_records_alone(tmp_path):
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=fill_slowly, args=(tmp_path, "one"))
    process.start()
    path = tmp_path / "store" / "one.features"
    while not (path.exists() and path.stat().st_size):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.join()

    store = open_store(tmp_path)
    there = [key for key in KEYS if key in store]
    missing = KEYS[len(there) :]
    store.add(missing, vectors(missing))

    assert there == KEYS[: len(there)]
    assert np.array_equal(store.gather(KEYS, tmp_path / "out.npy"), vectors(KEYS))
    assert len(open_store(tmp_path, "two")) == 60


def test_a_gathered_file_is_there_whole_or_not_at_all(tmp_path):
    store = open_store(tmp_path)
    store.add(KEYS[:2], vectors(KEYS[:2]))
    with pytest.raises(KeyError):
        store.gather(KEYS[:3], tmp_path / "out.npy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
