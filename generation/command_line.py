"""What the commands of this app share: settings as options, and following a job to its end."""

from argparse import ArgumentParser
from dataclasses import fields, replace
from typing import Any

from django.core.management.base import CommandError

from generation.gan.config import AcganConfig
from worker.models import Job
from worker.watching import watch_job


def add_setting_options(parser: ArgumentParser) -> None:
    """One option per setting of the ACGAN: --batch-size 32, --generator-channels 128 96 48, ..."""
    group = parser.add_argument_group("settings", "each replaces that of the preset; their meaning is in the manual")
    for field in fields(AcganConfig):
        default = field.default
        kind = type(default[0]) if isinstance(default, tuple) else type(default)
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=kind,
            nargs=len(default) if isinstance(default, tuple) else None,
            metavar="N" if kind is int else "X",
        )


def apply_setting_options(config: AcganConfig, options: dict[str, Any]) -> AcganConfig:
    """`config` with the options that were given. Raises CommandError for a value that cannot be used."""
    given = {field.name: options[field.name] for field in fields(AcganConfig) if options[field.name] is not None}
    try:
        return replace(config, **given)
    except ValueError as error:
        raise CommandError(str(error)) from error


def follow(job: Job) -> Job:
    """Show the job's progress until it ends. Raises CommandError unless it succeeded."""
    ended = watch_job(job.pk)
    if ended.state != Job.State.SUCCEEDED:
        raise CommandError(f"{ended.title}: {ended.state}. {ended.error}".strip())
    return ended
