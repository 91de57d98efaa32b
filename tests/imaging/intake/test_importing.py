"""All or nothing, whatever ends an import: cancel, error, a killed process and its next attempt, two at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imaging import storage
from imaging.intake.decoding import decode_grey
from imaging.intake.foreground import ForegroundContext
from imaging.intake.importing import run_import
from imaging.intake.limits import LIMITS
from imaging.intake.parameters import ImportParameters
from imaging.models import Dataset, Image
from tests.factories import ImageFactory
from tests.imaging.archives import GOOD, grey, picture, write_folder, write_zip
from tests.imaging.conftest import files_below
from tests.quick_database import copy_database
from worker.registry import JobError, JobStopped

pytestmark = pytest.mark.django_db


class Context(ForegroundContext):
    """Calls `at_step` at every progress; keeps its job id from attempt to attempt, as a job does."""

    def __init__(self, directory: Path, at_step=lambda message, done: None) -> None:
        super().__init__(directory=directory, on_progress=lambda done, total, unit, message: at_step(message, done))
        self.job_id = "5d6d9a3e-7f3c-4a53-9b7c-2a7f4f6f0001"


@pytest.fixture
def job_directory(tmp_path):
    directory = tmp_path / "job"
    directory.mkdir()
    return directory


def parameters(source: Path, **options) -> ImportParameters:
    return ImportParameters(source=str(source), dataset_name="Chests", **options)


def at_second_file(error: BaseException):
    def step(message, done):
        if message == "Storing the images" and done == 6:
            raise error

    return step


@pytest.mark.parametrize("error", [JobStopped("cancelled"), KeyboardInterrupt(), MemoryError(), OSError(28, "full")])
def test_an_interruption_leaves_nothing(error, tmp_path, job_directory, data_dir):
    source = write_zip(tmp_path / "a.zip", GOOD)
    kept = ImageFactory(pixels=grey(1)).pixel_sha256  # a picture of the import that another dataset has
    before = files_below(data_dir)

    with pytest.raises(type(error)):
        run_import(Context(job_directory, at_second_file(error)), parameters(source))

    assert files_below(data_dir) == before
    assert storage.has_pixels(kept)
    assert list(Dataset.objects.filter(name="Chests")) == []
    assert not (job_directory / "stored.txt").exists()


def test_another_attempt_after_the_last_step_changes_nothing(tmp_path, job_directory, data_dir):
    """Killed between the commit and the end of the job: the result is the same, and the source may be gone."""
    source = write_zip(tmp_path / "a.zip", GOOD)
    first = run_import(Context(job_directory), parameters(source, delete_source=True))
    before = files_below(data_dir)
    staging = data_dir / "media/images/staging" / Context(job_directory).job_id  # not yet cleared when it was killed
    staging.mkdir(parents=True)
    (staging / "picture.png").write_bytes(picture(1))

    second = run_import(Context(job_directory), parameters(source, delete_source=True))

    assert second == first
    assert not source.exists()
    assert Dataset.objects.count() == 1
    assert files_below(data_dir) == before


KILLED = """
import os, sys, time
from pathlib import Path
import django
django.setup()
from tests.imaging.intake.test_importing import Context, parameters
from imaging.intake.importing import run_import

def wait_for_the_end(message, done):
    if message == "Storing the images" and done == 7:
        print("now", flush=True)
        time.sleep(60)

run_import(Context(Path(sys.argv[2]), wait_for_the_end), parameters(Path(sys.argv[1])))
"""


@pytest.mark.sqlite_is_enough
def test_kill_9_and_the_next_attempt(tmp_path, job_directory, data_dir, django_db_setup):
    # Arrange: another process, same files, its own database, killed after three of four pictures were stored
    source = write_zip(tmp_path / "a.zip", GOOD)
    environment = {
        **os.environ,
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    root = Path(__file__).resolve().parents[3]
    copy_database(data_dir / "db.sqlite3")
    before = {name for name in files_below(data_dir) if not name.startswith("db.sqlite3")}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(source), str(job_directory)],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"now\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    half_done = {name for name in files_below(data_dir) if not name.startswith("db.sqlite3")}
    staged = {name for name in half_done if "/staging/" in name}
    assert (len(staged), len(half_done - staged - before)) == (4, 3)

    # Act: the next attempt is refused, for the source is gone
    source.unlink()
    with pytest.raises(JobError, match="There is no such file or folder"):
        run_import(Context(job_directory), parameters(source))

    # Assert
    assert {name for name in files_below(data_dir) if not name.startswith("db.sqlite3")} == before


def test_the_next_attempt_after_a_kill_completes(tmp_path, job_directory, data_dir):
    # Arrange: what a killed attempt leaves: a journal, one picture stored, one half-written file
    source = write_zip(tmp_path / "a.zip", GOOD)
    sha256 = storage.store_pixels(grey(1)).sha256
    (job_directory / "stored.txt").write_text(f"{sha256}\n{sha256[:20]}")

    report = run_import(Context(job_directory), parameters(source))

    assert report["imported"] == 4
    assert sorted(storage.stored_hashes()) == sorted(Image.objects.values_list("pixel_sha256", flat=True))


def test_a_source_that_changes_meanwhile_is_stored_as_it_was_checked(tmp_path, job_directory):
    source = write_folder(tmp_path / "source", GOOD)

    def change(message, done):
        if message == "Reading the files" and done == 4:
            (source / "normal/2.png").write_bytes(picture(99))

    run_import(Context(job_directory, change), parameters(source))

    wanted = {storage.pixel_sha256(decode_grey(data, name, LIMITS)) for name, data in GOOD.items()}
    assert set(Image.objects.values_list("pixel_sha256", flat=True)) == wanted == set(storage.stored_hashes())


def test_pictures_taken_back_by_another_import_are_stored_again(tmp_path, job_directory):
    """Between storing and committing, a failing import may remove a picture that both hold."""
    source = write_zip(tmp_path / "a.zip", GOOD)
    taken = []

    def take_away(message, done):
        if message == "Storing the images" and done == 8 and not taken:
            taken.append(next(storage.stored_hashes()))
            storage.delete_pixels(taken)

    report = run_import(Context(job_directory, take_away), parameters(source))

    assert report["imported"] == 4
    assert all(storage.has_pixels(sha256) for sha256 in Image.objects.values_list("pixel_sha256", flat=True))
    assert len(taken) == 1


def test_the_name_is_checked_before_anything_is_read(tmp_path, job_directory, data_dir):
    Dataset.objects.create(name="Chests", origin="real")
    before = files_below(data_dir)

    with pytest.raises(JobError, match=r"There is a dataset called “Chests” already\. Choose another name\."):
        run_import(Context(job_directory), parameters(tmp_path / "gone.zip"))

    assert files_below(data_dir) == before


def test_a_name_taken_meanwhile(tmp_path, job_directory, data_dir):
    source = write_zip(tmp_path / "a.zip", GOOD)

    def take_name(message, done):
        if message == "Storing the images" and done == 8:
            Dataset.objects.create(name="Chests", origin="real")

    with pytest.raises(JobError, match="There is a dataset called “Chests” already"):
        run_import(Context(job_directory, take_name), parameters(source))

    assert files_below(data_dir) == set()
    assert Image.objects.count() == 0


def test_a_lost_lease_writes_no_row(tmp_path, job_directory, data_dir):
    class Replaced(Context):
        def fenced(self):
            raise JobStopped("Another process has taken the job over")

    with pytest.raises(JobStopped):
        run_import(Replaced(job_directory), parameters(write_zip(tmp_path / "a.zip", GOOD)))

    assert (Dataset.objects.count(), files_below(data_dir)) == (0, set())


@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_the_source_is_deleted_only_when_asked_and_only_after_success(write, tmp_path, job_directory):
    good, bad = write(tmp_path / "good", GOOD), write(tmp_path / "bad", {**GOOD, "normal/x.png": b""})

    with pytest.raises(JobError):
        run_import(Context(job_directory), parameters(bad, delete_source=True))
    run_import(Context(job_directory), parameters(good, delete_source=True))

    assert bad.exists()
    assert not good.exists()


def test_memory_does_not_grow_with_the_number_of_images(tmp_path, job_directory):
    """40 files of 4 MiB of pixels each go through; at no time are more than a few held."""
    import tracemalloc

    import numpy as np

    from tests.imaging.archives import encoded

    base = np.zeros((2048, 2048), dtype=np.uint8)
    files = {}
    for n in range(40):
        base[0, n] = 255
        files[f"normal/{n}.png"] = encoded(base, compress_level=1)
    source = write_zip(tmp_path / "a.zip", files)

    tracemalloc.start()
    run_import(Context(job_directory), parameters(source))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 40 * 2**20  # all of them take 160 MiB


def test_a_refusal_says_how_many_and_which(tmp_path, job_directory):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "normal/a.png": b"", "normal/b.png": b""})

    with pytest.raises(JobError) as refusal:
        run_import(Context(job_directory), parameters(source))

    assert str(refusal.value) == (
        "Nothing was imported: 2 problems found. The first: normal/a.png: The file is empty (0 bytes). Copy it again, "
        "or leave it out. Correct them and import again, or import again and skip the bad files."
    )


def test_progress_runs_from_the_first_file_to_the_last(tmp_path, job_directory):
    seen = []
    context = ForegroundContext(directory=job_directory, on_progress=lambda done, total, *_: seen.append((done, total)))

    run_import(context, parameters(write_zip(tmp_path / "a.zip", GOOD)))

    assert seen == [(n, 8) for n in range(1, 9)]
