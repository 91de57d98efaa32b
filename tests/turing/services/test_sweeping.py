"""What killed processes leave goes; what an opening has just made stays."""

import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from config.environment import BASE_DIR
from tests.turing.builders import make_draft, make_open_study
from tests.worker.site import database_url, wait_until
from turing.audit.verification import verify_audit
from turing.errors import StudyError
from turing.models import Study, Trial
from turing.services import finish_opening, open_study, prepared_opening
from turing.services.sweeping import sweep_stimuli
from turing.stimuli import save_stimulus, stored_stimuli

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path


@contextmanager
def opening_in_another_process(study: Study, data_dir: Path):
    """`manage.py open_study` from its first stimulus file on; it is over in the end."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "open_study", str(study.pk)],
        cwd=BASE_DIR,
        env={**os.environ, "DATA_DIR": str(data_dir), "DATABASE_URL": database_url()},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: process.poll() is not None or any(stored_stimuli()), 30, "a stimulus file")
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()


def trial_files() -> set[str]:
    columns = Trial.objects.values_list("stimulus_file", "right_file")
    return {name for names in columns for name in names if name}


def age(names, data_dir: Path) -> None:
    """As if the files were a day old."""
    for name in names:
        path = data_dir / "media" / name
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 86_400))


def test_files_without_a_trial_go_and_others_stay(data_dir):
    assert sweep_stimuli() == 0  # there is no folder yet
    make_open_study()
    make_open_study(scale="pair", n_practice=1, n_repeats=1)
    needed = set(stored_stimuli())
    save_stimulus(b"left behind")
    age(stored_stimuli(), data_dir)
    out = StringIO()

    call_command("sweep_stimuli", stdout=out)

    assert out.getvalue() == "Removed 1 file that no study needs.\n"
    assert set(stored_stimuli()) == needed == trial_files()
    assert verify_audit().problems == ()


@pytest.mark.faults
def test_what_a_killed_opening_left_goes(data_dir):
    study = make_draft(n_real=20, n_synthetic=20, size=256)
    with opening_in_another_process(study, data_dir) as process:
        process.kill()
    left = set(stored_stimuli())
    assert left
    assert trial_files() == set()
    assert sweep_stimuli() == 0  # too young: it might be running yet
    age(left, data_dir)

    assert sweep_stimuli() == len(left)

    assert set(stored_stimuli()) == set()
    open_study(study=study, by=None)
    assert set(stored_stimuli()) == trial_files()


@pytest.mark.faults
def test_a_running_opening_loses_nothing(data_dir):
    study = make_draft(n_real=20, n_synthetic=20, size=256)
    with opening_in_another_process(study, data_dir) as process:
        listed = set(stored_stimuli())
        assert trial_files() == set()  # a file without a trial: to be seen only by its opening

        assert sweep_stimuli() == 0

        assert process.wait(timeout=30) == 0
    assert listed <= set(stored_stimuli()) == trial_files()
    assert len(trial_files()) == 40
    assert verify_audit().problems == ()


def test_an_opening_whose_files_were_taken_is_refused_and_can_be_made_again(data_dir):
    study = make_draft()

    with prepared_opening(study=study) as prepared:
        assert sweep_stimuli(older_than=timedelta(0)) == 4
        with pytest.raises(StudyError, match="were removed while it was being opened"):
            finish_opening(prepared=prepared, by=None)

    study.refresh_from_db()
    assert (study.status, Trial.objects.count(), set(stored_stimuli())) == ("draft", 0, set())
    open_study(study=study, by=None)
    assert set(stored_stimuli()) == trial_files()
