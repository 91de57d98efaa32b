"""A progress bar with the time that is left, on the terminal alone: what is written to the output stays free of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from config.operations.backup.manifest import Progress


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A function that shows what is being done, how much of it is done, and how much there is (0: not known)."""
    console = Console(stderr=True)
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TimeElapsedColumn(), TimeRemainingColumn()),
    )
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task, doing = bar.add_task("", total=None), ""

        def show(what: str, done: int, total: int) -> None:
            nonlocal doing
            if what != doing:
                doing = what
                bar.reset(task, description=what, total=total or None)
            bar.update(task, completed=done, total=total or None)

        yield show
