"""What the commands of this app share: settings of any generator as options."""

from argparse import ArgumentParser
from typing import Any, TypeVar

from generation.gan.registry import list_generators
from worker.command_line import add_options, apply_options, follow
from worker.compute.settings import Settings

__all__ = ["add_setting_options", "apply_setting_options", "follow"]

S = TypeVar("S", bound=Settings)
PREFIX = "set"


def add_setting_options(parser: ArgumentParser) -> None:
    """One option per setting of every generator: --set-batch-size 32, --set-generator-channels 128 96 48, ..."""
    add_options(
        parser,
        {kind.name: kind.config for kind in list_generators()},
        prefix=PREFIX,
        title="settings",
        text="each replaces that of the preset or the generator's default",
    )


def apply_setting_options(config: S, options: dict[str, Any], *, generator: str) -> S:
    """`config` with the options that were given.

    Raises CommandError for a value that cannot be used and for a setting that this generator does not have.
    """
    otherwise = ", or choose another preset or generator"
    return apply_options(config, options, prefix=PREFIX, owner=generator, otherwise=otherwise)
