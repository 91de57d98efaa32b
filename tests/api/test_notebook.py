"""The notebook of the manual, executed against a site that is really up, with a real worker, on few images."""

import json
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from api.scopes import scopes_for
from api.tokens import create_token
from config.accounts.models import User
from config.environment import BASE_DIR
from imaging.phantoms import write_phantom_dataset
from tests.factories import UserFactory
from tests.worker.site import NEEDS_PROC, Site
from turing.models import Answer, Report, Study
from turing.timing import Flag

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.django_db(transaction=True), NEEDS_PROC]

NOTEBOOK = BASE_DIR / "docs" / "jang_study.ipynb"
TINY = {
    "generator_channels": [6, 4, 4], "discriminator_channels": [4, 4, 6, 8], "batch_size": 8, "iterations": 6,
    "checkpoint_every": 6, "grid_every": 6, "metrics_every": 3,
}  # fmt: skip


def archive(folder: Path) -> Path:
    write_phantom_dataset(folder / "phantoms", per_class=6, size=64, seed=1)
    made = folder / "phantoms.zip"
    with zipfile.ZipFile(made, "w") as file:
        for path in sorted((folder / "phantoms").rglob("*.*")):
            file.write(path, path.relative_to(folder / "phantoms"))
    return made


def test_the_notebook_does_the_whole_study(tmp_path, monkeypatch):
    investigator = UserFactory(role=User.Role.INVESTIGATOR)
    readers = [UserFactory() for _ in range(2)]
    secrets = [
        create_token(user=user, name="notebook", scopes=scopes_for(user), days=1)[1]
        for user in (investigator, *readers)
    ]
    site = Site(tmp_path / "site")
    try:
        site.start()
        for name, value in {
            "TURING_SITE": f"http://127.0.0.1:{site.port}",
            "TURING_TOKEN": secrets[0],
            "TURING_READERS": " ".join(secrets[1:]),
            "TURING_ARCHIVE": str(archive(tmp_path)),
            "TURING_SETTINGS": json.dumps(TINY),
            "TURING_IMAGES": "4",
            "TURING_LONGEST_JOB": "150",
        }.items():
            monkeypatch.setenv(name, value)
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    finally:
        site.close()

    study = Study.objects.get(name="Jang in small")
    assert study.status == Study.Status.CLOSED
    answers = Answer.objects.filter(session__study=study)
    assert answers.count() == 2 * 8
    assert all(Flag.THROUGH_API in answer.flags and answer.reading_ms is None for answer in answers)
    assert {"report.html", "report.pdf", "results.json"} <= set(Report.objects.get(study=study).files)
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert not any(secret in text for secret in secrets)


def test_the_notebook_is_kept_without_outputs():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)
