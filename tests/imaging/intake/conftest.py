"""Runs the real import on files of the test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imaging.intake.foreground import ForegroundContext
from imaging.intake.importing import ImportRefusedError, run_import
from imaging.intake.limits import LIMITS, Limits
from imaging.intake.parameters import ImportParameters
from imaging.models import Dataset, Image
from tests.imaging.conftest import files_below


@pytest.fixture
def do_import(tmp_path) -> Callable[..., dict[str, Any]]:
    """Import `source`; the report, also of a refused import (then its dataset_id is None)."""

    def run(source: Path, *, limits: Limits = LIMITS, name: str = "Chests", **options: Any) -> dict[str, Any]:
        directory = tmp_path / "job"
        directory.mkdir(exist_ok=True)
        context = ForegroundContext(directory=directory, on_progress=lambda *_: None)
        parameters = ImportParameters(source=str(source), dataset_name=name, **options)
        try:
            return run_import(context, parameters, limits=limits)
        except ImportRefusedError as error:
            return error.result

    return run


@pytest.fixture
def state(data_dir) -> Callable[[], tuple[Any, ...]]:
    """Everything an import could leave behind: files and rows."""
    return lambda: (files_below(data_dir), Dataset.objects.count(), Image.objects.count())
