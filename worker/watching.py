"""Follows a job in the terminal: a progress bar with the time left, and the lines of its log above it."""

import time
import uuid

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from worker.models import Job
from worker.selectors import log_after
from worker.templatetags.jobs import duration

POLL_SECONDS = 0.5
STYLES = {"warning": "yellow", "error": "red"}


class _TimeLeft(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields["time"], style="progress.remaining")


def watch_job(job_id: uuid.UUID | str, console: Console | None = None, *, show_log: bool = True) -> Job:
    """Follow the job until it has ended and return it in its final state.

    Ctrl-C stops the watching (KeyboardInterrupt), not the job. Raises Job.DoesNotExist for an unknown id.
    """
    console = console or Console()
    job = Job.anywhere.get(pk=job_id)
    last_line = 0
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        _TimeLeft(),
    )
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        bar = progress.add_task(escape(job.title), total=None, unit="", time="")
        while True:
            job.refresh_from_db()
            while show_log:
                log = log_after(job=job, line_id=last_line)
                for line in log.lines:
                    style = STYLES.get(line.level, "dim")
                    console.print(Text(f"{line.at:%H:%M:%S} {line.text}", style=style))
                last_line = log.last_id
                if not log.has_more:
                    break
            progress.update(
                bar,
                description=f"{escape(job.title)} [dim]{_words(job)}[/dim]",
                completed=job.progress_done,
                total=job.progress_total or None,
                unit=job.progress_unit,
                time=_time(job),
            )
            if job.is_final:
                break
            time.sleep(POLL_SECONDS)
    if not console.is_terminal:  # the bar itself was not drawn
        console.print(f"{job.title}: {job.get_state_display().lower()} after {duration(job.run_seconds)}", markup=False)
    return job


def _words(job: Job) -> str:
    if job.state == Job.State.RUNNING and job.message:
        return escape(job.message)
    return job.get_state_display().lower()


def _time(job: Job) -> str:
    if job.is_final:
        return f"in {duration(job.run_seconds)}"
    return f"about {duration(job.eta_seconds)} left" if job.eta_seconds is not None else ""
