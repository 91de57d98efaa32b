"""The presets of all generators as pages and commands offer them, grouped; a generator without any has its defaults."""

from generation.gan import presets
from generation.gan.common_settings import Preset
from generation.gan.registry import GeneratorKind, list_generators
from worker.compute.settings import Settings


def list_presets() -> list[tuple[GeneratorKind, list[Preset]]]:
    """Every generator with its presets; one without any begins with its own defaults, under its own name."""
    grouped = []
    for kind in list_generators():
        own = [preset for preset in presets.PRESETS.values() if preset.generator == kind.name]
        grouped.append((kind, own or [default_preset(kind)]))
    return grouped


def get_preset(name: str) -> Preset:
    """Raises ValueError, listing what there is, for an unknown name."""
    known = {preset.name: preset for _, group in list_presets() for preset in group}
    if name not in known:
        raise ValueError(f"Unknown preset {name!r}; known: {', '.join(sorted(known))}")
    return known[name]


def default_preset(kind: GeneratorKind) -> Preset:
    """The generator's own defaults."""
    return Preset(
        name=kind.name,
        title=f"{kind.title}: default settings",
        generator=kind.name,
        make=lambda seed: kind.config(seed=seed),
        published="The generator's own defaults.",
    )


def is_demonstration(preset: Preset, config: Settings) -> bool:
    """Whether a run that began with `preset` must be shown as a demonstration."""
    return preset.name in presets.PRESETS and presets.is_demonstration(preset.name, config)
