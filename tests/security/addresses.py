"""Every address of the site, found in its URL map, so that a new one is attacked without anybody thinking of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

SAMPLES = {
    "UUIDConverter": "00000000-0000-4000-8000-000000000000",
    "IntConverter": "1",
    "StringConverter": "x",
    "SlugConverter": "x",
    "PathConverter": "x/y",
}
_PART = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Address:
    """`name` with its namespaces; `route` as in the URL map; `kinds`: converter of each part in it."""

    name: str
    route: str
    kinds: tuple[tuple[str, str], ...]

    def url(self, **values: object) -> str:
        """The address with `values` in its parts; what is not given is filled in with something made up."""
        kinds = dict(self.kinds)
        return _PART.sub(lambda part: str(values.get(part[1], SAMPLES.get(kinds.get(part[1], ""), "x"))), self.route)

    @property
    def has_object(self) -> bool:
        return bool(_PART.search(self.route))


def every_address() -> list[Address]:
    """Sorted by route. The administration of Django is one of them for each of its pages."""
    return sorted(set(_walk(get_resolver().url_patterns, "/", {}, "")), key=lambda address: address.route)


def _walk(patterns: list, before: str, kinds: dict[str, str], space: str) -> Iterator[Address]:
    for pattern in patterns:
        if isinstance(pattern.pattern, RoutePattern):
            route = before + str(pattern.pattern)
        else:
            route = before + simplify_regex(str(pattern.pattern)).removeprefix("/")
        here = kinds | {name: type(kind).__name__ for name, kind in pattern.pattern.converters.items()}
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _walk(pattern.url_patterns, route, here, inner)
        elif isinstance(pattern, URLPattern):
            yield Address(f"{space}{pattern.name}", route, tuple(sorted(here.items())))
