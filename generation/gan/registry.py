"""Generators by name. A new one decorates its configuration, its network and its recipe; no list changes.

Names reach this registry from forms, jobs and checkpoints. They are looked up here and never imported by path: the
module that `register_generator` names comes from the code, not from a user.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from torch import nn

    from generation.gan.recipe import Recipe

T = TypeVar("T")


class GeneratorConfig(Protocol):
    """What every generator's configuration has: a frozen dataclass with at least these fields."""

    @property
    def channels(self) -> int: ...
    @property
    def image_size(self) -> int: ...
    @property
    def latent_dim(self) -> int: ...
    @property
    def latent_std(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def grid_columns(self) -> int: ...
    def to_dict(self) -> dict[str, Any]: ...
    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self: ...


@dataclass(frozen=True, kw_only=True)
class GeneratorKind:
    name: str
    title: str
    config: type[Any]  # a GeneratorConfig
    module: str  # imported before the network or the recipe is used


_KINDS: dict[str, GeneratorKind] = {}
_NETWORKS: dict[str, Any] = {}
_RECIPES: dict[str, Any] = {}


def register_generator(name: str, *, title: str, module: str) -> Callable[[type[T]], type[T]]:
    """Class decorator of a configuration: make generator `name` known. ValueError when the name is taken.

    `module` holds, or imports, what `register_network` and `register_recipe` decorate.
    """

    def register(config: type[T]) -> type[T]:
        if name in _KINDS:
            raise ValueError(f"Generator {name!r} is registered twice")
        _KINDS[name] = GeneratorKind(name=name, title=title, config=config, module=module)
        return config

    return register


def register_network(name: str) -> Callable[[T], T]:
    """Class decorator: `network(config, n_classes=...)` is the module of generator `name`,

    (latents (B, latent_dim), classes (B,) int64) -> images (B, channels, image_size, image_size) in [-1, 1].
    """
    return _register(_NETWORKS, name, "network")


def register_recipe(name: str) -> Callable[[T], T]:
    """Class decorator: `recipe(config, n_classes=..., device=...)` is a `generation.gan.recipe.Recipe`,

    with which `generation.gan.training.train` trains generator `name`.
    """
    return _register(_RECIPES, name, "recipe")


def _register(entries: dict[str, Any], name: str, what: str) -> Callable[[T], T]:
    def register(entry: T) -> T:
        get_generator(name)
        if name in entries:
            raise ValueError(f"Generator {name!r} has a {what} already")
        entries[name] = entry
        return entry

    return register


def unregister_generator(name: str) -> None:
    """Forget a generator: for plug-ins that are taken out."""
    get_generator(name)
    for entries in (_KINDS, _NETWORKS, _RECIPES):
        entries.pop(name, None)


def list_generators() -> list[GeneratorKind]:
    return [_KINDS[name] for name in sorted(_KINDS)]


def get_generator(name: str) -> GeneratorKind:
    """Raises ValueError, listing what there is, for an unknown name."""
    try:
        return _KINDS[name]
    except KeyError:
        raise ValueError(f"Unknown generator {name!r}; known: {', '.join(sorted(_KINDS))}") from None


def create_generator(name: str, config: GeneratorConfig | dict[str, Any], *, n_classes: int) -> nn.Module:
    """A new, freshly initialised network of generator `name`.

    `config` is the generator's configuration or its dictionary; `n_classes` >= 1. Raises ValueError for an unknown
    name, a configuration that does not validate, or a number of classes below one.
    """
    config = _checked(name, config, n_classes)
    network: nn.Module = _NETWORKS[name](config, n_classes=n_classes)
    return network


def create_recipe(
    name: str, config: GeneratorConfig | dict[str, Any], *, n_classes: int, device: str = "cpu"
) -> Recipe:
    """A new run of generator `name`: networks, optimisers, losses and schedule. Initial weights are drawn from
    PyTorch's global random state, which `train` seeds.

    Raises ValueError as `create_generator` does, and when the generator can only be sampled.
    """
    config = _checked(name, config, n_classes)
    if name not in _RECIPES:
        raise ValueError(f"Generator {name!r} can be sampled here, but not trained")
    recipe: Recipe = _RECIPES[name](config, n_classes=n_classes, device=device)
    return recipe


def _checked(name: str, config: GeneratorConfig | dict[str, Any], n_classes: int) -> GeneratorConfig:
    """The configuration as its class; what the generator's module decorates is known from then on."""
    kind = get_generator(name)
    if n_classes < 1:
        raise ValueError(f"n_classes is {n_classes}; a generator needs at least one class")
    if isinstance(config, dict):
        config = kind.config.from_dict(config)
    if not isinstance(config, kind.config):
        raise ValueError(f"Generator {name!r} takes a {kind.config.__name__}, not a {type(config).__name__}")
    import_module(kind.module)
    return config
