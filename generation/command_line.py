"""What the commands of this app share: settings of any generator as options, and following a job to its end."""

from argparse import ArgumentParser
from dataclasses import Field, fields, replace
from typing import Any, TypeVar

from django.core.management.base import CommandError

from generation.gan.registry import list_generators
from worker.compute.settings import Settings, setting_range
from worker.models import Job
from worker.setting_fields import setting_label
from worker.watching import watch_job

S = TypeVar("S", bound=Settings)

PREFIX = "set_"
YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def add_setting_options(parser: ArgumentParser) -> None:
    """One option per setting of every generator: --set-batch-size 32, --set-generator-channels 128 96 48, ..."""
    group = parser.add_argument_group("settings", "each replaces that of the preset or the generator's default")
    known: dict[str, list[tuple[str, Field[Any]]]] = {}
    for kind in list_generators():
        for one in fields(kind.config):
            known.setdefault(one.name, []).append((kind.name, one))
    for name, owners in known.items():
        first = owners[0][1]
        words = f"{setting_label(first)}. {setting_range(first).help} ({', '.join(owner for owner, _ in owners)})"
        group.add_argument(
            f"--set-{name.replace('_', '-')}",
            dest=f"{PREFIX}{name}",
            nargs="+",
            metavar="VALUE",
            help=words.replace("%", "%%"),  # argparse formats its help
        )


def apply_setting_options(config: S, options: dict[str, Any], *, generator: str) -> S:
    """`config` with the options that were given.

    Raises CommandError for a value that cannot be used and for a setting that this generator does not have.
    """
    own = {one.name: one for one in fields(config)}  # type: ignore[arg-type]
    given = {
        option.removeprefix(PREFIX): values
        for option, values in options.items()
        if option.startswith(PREFIX) and values is not None
    }
    unknown = sorted(set(given) - set(own))
    if unknown:
        reasons = getattr(config, "not_offered", {})
        why = "".join(f": {reasons[name]}" for name in unknown[:1] if name in reasons)
        raise CommandError(
            f"{generator} has no setting {', '.join(unknown)}{why}. It has: {', '.join(own)}. Leave the option out, or "
            "choose another preset or generator."
        )
    try:
        return replace(config, **{name: _parsed(own[name], values) for name, values in given.items()})  # type: ignore[type-var]
    except ValueError as error:
        raise CommandError(str(error)) from error


def _parsed(one: Field[Any], texts: list[str]) -> Any:
    """Words of the command line as the setting's type; that they are in range is checked by the settings themselves."""
    if isinstance(one.default, tuple):
        return tuple(_number(one, type(one.default[0]), text) for text in texts)
    if len(texts) != 1:
        raise CommandError(f"--set-{one.name.replace('_', '-')} takes one value, not {len(texts)}")
    (text,) = texts
    if isinstance(one.default, bool):
        if text.lower() not in (*YES, *NO):
            raise CommandError(f"--set-{one.name.replace('_', '-')} is {text!r}; write yes or no")
        return text.lower() in YES
    return text if isinstance(one.default, str) else _number(one, type(one.default), text)


def _number(one: Field[Any], kind: type[Any], text: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        words = "whole numbers" if kind is int else "numbers"
        raise CommandError(f"--set-{one.name.replace('_', '-')} takes {words}, not {text!r}") from error


def follow(job: Job) -> Job:
    """Show the job's progress until it ends. Raises CommandError unless it succeeded."""
    ended = watch_job(job.pk)
    if ended.state != Job.State.SUCCEEDED:
        raise CommandError(f"{ended.title}: {ended.state}. {ended.error}".strip())
    return ended
