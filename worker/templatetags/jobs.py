"""How durations and job kinds are put into words."""

from django import template

from worker.models import Job
from worker.registry import get_job_kind

register = template.Library()


@register.filter
def duration(seconds: float | None) -> str:
    """59 -> "59 s", 200 -> "3 min 20 s", 8000 -> "2 h 13 min", 200000 -> "2 d 7 h"; None -> ""."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


@register.filter
def resume_label(job: Job) -> str:
    """What the button of an ended job does."""
    try:
        goes_on = get_job_kind(job.kind).resumable and job.progress_done > 0
    except ValueError:
        goes_on = False
    return "Resume where it stopped" if goes_on else "Start again"


@register.filter
def in_words(name: str) -> str:
    """A machine name for people: "train_generator" -> "Train generator"."""
    return name.replace("_", " ").replace(".", ": ").capitalize()
