"""What commands share: settings as options of the command line, and following a job to its end."""

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import Field, fields, replace
from typing import Any, TypeVar

from django.core.management.base import CommandError

from worker.compute.settings import Settings, setting_range
from worker.models import Job
from worker.setting_fields import setting_label
from worker.watching import watch_job

S = TypeVar("S", bound=Settings)

YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def add_options(
    parser: ArgumentParser, kinds: Mapping[str, type[Settings]], *, prefix: str, title: str, text: str
) -> None:
    """One option per setting of every kind: --PREFIX-batch-size 32, --PREFIX-channels 128 96 48, ..."""
    group = parser.add_argument_group(title, text)
    known: dict[str, list[tuple[str, Field[Any]]]] = {}
    for kind, settings in kinds.items():
        for one in fields(settings):  # type: ignore[arg-type]
            known.setdefault(one.name, []).append((kind, one))
    for name, owners in known.items():
        first = owners[0][1]
        of_kinds = f" ({', '.join(kind for kind, _ in owners)})" if len(kinds) > 1 else ""
        words = f"{setting_label(first)}. {setting_range(first).help}{of_kinds}"
        group.add_argument(
            f"--{prefix}-{name.replace('_', '-')}",
            dest=f"{prefix}_{name}",
            nargs="+",
            metavar="VALUE",
            help=words.replace("%", "%%"),  # argparse formats its help
        )


def apply_options(config: S, options: dict[str, Any], *, prefix: str, owner: str, otherwise: str = "") -> S:
    """`config` with the options that were given.

    `owner` is who has these settings, and `otherwise` what else can be done, for messages. Raises CommandError for a
    value that cannot be used and for a setting that there is not.
    """
    own = {one.name: one for one in fields(config)}  # type: ignore[arg-type]
    given = {
        option.removeprefix(f"{prefix}_"): values
        for option, values in options.items()
        if option.startswith(f"{prefix}_") and values is not None
    }
    unknown = sorted(set(given) - set(own))
    if unknown:
        reasons = getattr(config, "not_offered", {})
        why = "".join(f": {reasons[name]}" for name in unknown[:1] if name in reasons)
        raise CommandError(
            f"{owner} has no setting {', '.join(unknown)}{why}. It has: {', '.join(own)}. Leave the option out"
            f"{otherwise}."
        )
    try:
        return replace(config, **{name: _parsed(own[name], values, prefix) for name, values in given.items()})  # type: ignore[type-var]
    except ValueError as error:
        raise CommandError(str(error)) from error


def parse_limits(texts: list[str]) -> dict[str, int]:
    """Of --at-most LABEL=N. Raises CommandError for what is not written so."""
    limits = {}
    for text in texts:
        label, _, number = text.rpartition("=")
        if not label or not number.isdecimal():
            raise CommandError(f"--at-most is {text!r}; write LABEL=N, for example normal=20000")
        limits[label] = int(number)
    return limits


def follow(job: Job) -> Job:
    """Show the job's progress until it ends. Raises CommandError unless it succeeded."""
    ended = watch_job(job.pk)
    if ended.state != Job.State.SUCCEEDED:
        raise CommandError(f"{ended.title}: {ended.state}. {ended.error}".strip())
    return ended


def _parsed(one: Field[Any], texts: list[str], prefix: str) -> Any:
    """Words of the command line as the setting's type; that they are in range is checked by the settings themselves."""
    option = f"--{prefix}-{one.name.replace('_', '-')}"
    if isinstance(one.default, tuple):
        return tuple(_number(option, type(one.default[0]), text) for text in texts)
    if len(texts) != 1:
        raise CommandError(f"{option} takes one value, not {len(texts)}")
    (text,) = texts
    if isinstance(one.default, bool):
        if text.lower() not in (*YES, *NO):
            raise CommandError(f"{option} is {text!r}; write yes or no")
        return text.lower() in YES
    return text if isinstance(one.default, str) else _number(option, type(one.default), text)


def _number(option: str, kind: type[Any], text: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        words = "whole numbers" if kind is int else "numbers"
        raise CommandError(f"{option} takes {words}, not {text!r}") from error
