"""An import in the terminal: its progress, and its report as a table."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import reverse
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from imaging.intake.foreground import ForegroundContext


def run_here(console: Console, work: Callable[[ForegroundContext], dict[str, Any]]) -> dict[str, Any]:
    """What a job would do, in this process, with a progress bar."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as directory, bar:
        task = bar.add_task("Reading", total=None)

        def show(done: int, total: int, unit: str, message: str) -> None:
            bar.update(task, completed=done, total=total or None, description=message)

        return work(ForegroundContext(directory=Path(directory), on_progress=show))


def print_report(console: Console, result: dict[str, Any], name: str) -> None:
    if result["problems"]:
        table = Table("File", "What is wrong", "What to do", title=f"{result['problem_count']} problems")
        for problem in result["problems"]:
            table.add_row(problem["file"] or "(all)", problem["reason"], problem["fix"])
        console.print(table)
        if (hidden := result["problem_count"] - len(result["problems"])) > 0:
            console.print(f"... and {hidden} more")
    for note in result["notes"]:
        console.print(f"Note: {note}")
    if result["dataset_id"] is None:
        return
    per_class = ", ".join(f"{label} {n}" for label, n in result["counts"].items())
    console.print(f"Imported {result['imported']} images as “{name}” ({per_class}).")
    for key, words in (
        ("problem_count", "files with problems left out"),
        ("duplicates", "duplicates kept once"),
        ("elsewhere", "images that another dataset has as well"),
        ("ignored", "files ignored (README, .DS_Store, ...)"),
    ):
        if result[key]:
            console.print(f"{result[key]} {words}")
    if result["waiting"]:
        console.print(
            f"{result['waiting']} images wait in quarantine, because something may be written into them. Somebody "
            f"must look at each on the site: {reverse('imaging:quarantine_list', args=[result['dataset_id']])}"
        )
