"""The presets of all generators as pages and commands show them: what was published, and how long it takes."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from generation.gan.presets import PRESETS, PUBLISHED_DURATION, PUBLISHED_ITERATIONS
from generation.gan.registry import GeneratorKind, get_generator, list_generators


@dataclass(frozen=True, kw_only=True)
class Preset:
    name: str
    title: str
    generator: str
    make: Callable[..., Any]  # (seed=) -> the generator's Settings
    is_demonstration: bool
    published: str


_WORDS = {
    "kong": ("Kong 2022", f"The published settings: {PUBLISHED_ITERATIONS:,} iterations, {PUBLISHED_DURATION}."),
    "demonstration": (
        "Demonstration",
        "Narrower networks for a few minutes on two CPU cores: pictures that can be recognised, not ones that can "
        "deceive.",
    ),
}


def list_presets() -> list[tuple[GeneratorKind, list[Preset]]]:
    """Every generator with its presets; one without any begins with its own defaults, under its own name."""
    presets = [
        Preset(
            name=name,
            title=_WORDS[name][0],
            generator="acgan",
            make=make,
            is_demonstration=name == "demonstration",
            published=_WORDS[name][1],
        )
        for name, make in PRESETS.items()
    ]
    grouped = []
    for kind in list_generators():
        own = [preset for preset in presets if preset.generator == kind.name]
        grouped.append((kind, own or [default_preset(kind)]))
    return grouped


def get_preset(name: str) -> Preset:
    """Raises ValueError, listing what there is, for an unknown name."""
    known = {preset.name: preset for _, presets in list_presets() for preset in presets}
    if name not in known:
        raise ValueError(f"Unknown preset {name!r}; known: {', '.join(sorted(known))}")
    return known[name]


def default_preset(kind: GeneratorKind) -> Preset:
    """The generator's own defaults."""
    config: Any = kind.config
    return Preset(
        name=kind.name,
        title="Default settings",
        generator=kind.name,
        make=lambda seed=0: config(seed=seed),
        is_demonstration=False,
        published=f"What {get_generator(kind.name).title} begins with when nothing is chosen.",
    )


def fresh_seed() -> int:
    """A seed for a new run that forms can show and people can write down."""
    return secrets.randbelow(2**31)
