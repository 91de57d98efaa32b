"""What killed processes leave goes; what an opening has just made stays."""

import os
import subprocess
import sys
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from config.environment import BASE_DIR
from tests.turing.builders import make_draft, make_open_study
from tests.worker.site import database_url, wait_until
from turing.audit.verification import verify_audit
from turing.models import Study, Trial
from turing.services import open_study
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
    return set(Trial.objects.values_list("stimulus_file", flat=True))


def test_files_without_a_trial_go_and_others_stay():
    assert sweep_stimuli() == 0  # there is no folder yet
    make_open_study()
    needed = set(stored_stimuli())
    save_stimulus(b"left behind")
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
