"""Pictures that wait until an import knows whether it keeps them."""

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest
from django.core.files import File
from django.core.files.storage import FileSystemStorage, default_storage

from imaging import staging, storage
from imaging.services import sweep_pixel_files
from imaging.staging import Staging
from tests.imaging.archives import grey
from tests.imaging.conftest import files_below

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(tmp_path) -> Staging:
    return Staging("one", elsewhere=tmp_path)


def publish(waiting: Staging, hashes) -> list[str]:
    """Returns the hashes that were said to appear."""
    appearing = []
    waiting.publish(hashes, before_each=appearing.append, done=lambda: None)
    return appearing


def test_nothing_is_stored_before_it_is_published_and_nothing_else_after(waiting):
    kept, left = (waiting.add(grey(seed)) for seed in (1, 2))
    assert list(storage.stored_hashes()) == []

    assert publish(waiting, [kept.sha256]) == [kept.sha256]
    waiting.clear()

    assert list(storage.stored_hashes()) == [kept.sha256]
    np.testing.assert_array_equal(storage.load_pixels(kept.sha256), grey(1))
    assert not storage.has_pixels(left.sha256)


def test_what_is_stored_already_is_not_said_to_appear(waiting):
    storage.store_pixels(grey(1))
    hashes = [waiting.add(grey(seed)).sha256 for seed in (1, 2)]

    assert publish(waiting, hashes) == hashes[1:]


def test_what_was_taken_away_is_published_again(waiting):
    sha256 = waiting.add(grey(1)).sha256
    publish(waiting, [sha256])
    storage.delete_pixels([sha256])

    assert publish(waiting, [sha256]) == [sha256]
    np.testing.assert_array_equal(storage.load_pixels(sha256), grey(1))


def test_a_file_system_without_hard_links(waiting, monkeypatch, data_dir):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    sha256 = waiting.add(grey(1)).sha256
    publish(waiting, [sha256])
    waiting.clear()

    np.testing.assert_array_equal(storage.load_pixels(sha256), grey(1))
    assert files_below(data_dir) == {f"media/{storage.pixel_name(sha256)}"}


class RemoteStorage(FileSystemStorage):
    """Has no paths on this machine, as object storages have none."""

    def path(self, name):
        raise NotImplementedError

    def _elsewhere(self, name) -> Path:
        return Path(FileSystemStorage.path(self, name))

    def exists(self, name):
        return self._elsewhere(name).exists()

    def _open(self, name, mode="rb"):
        return File(self._elsewhere(name).open(mode))

    def _save(self, name, content):
        self._elsewhere(name).parent.mkdir(parents=True, exist_ok=True)
        self._elsewhere(name).write_bytes(content.read())
        return name


def test_pictures_for_a_remote_storage_wait_in_the_folder_of_the_job(tmp_path, settings):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": f"{__name__}.RemoteStorage"}}
    with pytest.raises(NotImplementedError):
        default_storage.path("x")
    waiting = Staging("one", elsewhere=tmp_path)
    sha256 = waiting.add(grey(1)).sha256
    assert (tmp_path / "staging" / f"{sha256}.png").exists()

    publish(waiting, [sha256])
    waiting.clear()

    np.testing.assert_array_equal(storage.load_pixels(sha256), grey(1))
    assert not (tmp_path / "staging").exists()


def test_the_sweep_takes_what_no_job_goes_on_with(waiting, data_dir):
    waiting.add(grey(1))
    assert sweep_pixel_files() == 0, "its job may be at work"

    folder = data_dir / "media" / staging.FOLDER / "one"
    long_ago = time.time() - 2 * staging.FORGOTTEN_SECONDS
    os.utime(folder, (long_ago, long_ago))

    assert staging.clear_forgotten({"one"}) == 0
    assert sweep_pixel_files() == 1
    assert files_below(data_dir) == set()
