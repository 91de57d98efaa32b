"""The kind of job that tidies up."""

from dataclasses import dataclass
from typing import Any

from worker.registry import JobContext, register_job

CLEAN_UP = "operations.clean_up"


@dataclass(frozen=True)
class CleanUpParameters:
    """There is nothing to choose."""


@register_job(CLEAN_UP, parameters=CleanUpParameters, queue="light", resumable=True, frees_disk=True)
def clean_up_job(context: JobContext, parameters: CleanUpParameters) -> dict[str, Any]:
    from config.operations.cleaning import remove_leftovers, summary

    def progress(what: str, done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, message=what)

    found = summary(remove_leftovers(progress=progress))
    for name, each in found.items():
        if each["number"]:
            context.log(f"{name}: {each['number']:,} removed, {each['bytes'] / 2**20:,.1f} MB")
    return {name: each["number"] for name, each in found.items()}
