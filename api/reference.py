"""The page that lists what the API can do: rendered from the schema on the server, without a script."""

from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")


@cache
def schema() -> dict[str, Any]:
    """The OpenAPI document, as docs/openapi.yaml has it."""
    found: dict[str, Any] = SchemaGenerator(api_version=None).get_schema(request=None, public=True)
    return found


@require_safe
@login_required
def reference(request: HttpRequest) -> HttpResponse:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in schema()["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                groups.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    return render(request, "api/reference.html", {"groups": sorted(groups.items())})


def _operation(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    words, _, scope = operation["description"].rpartition("Scope: ")
    return {
        "path": path,
        "method": method.upper(),
        "title": operation.get("summary", ""),
        "words": words.strip(),
        "scope": scope.strip("`"),
        "parameters": [(one["name"], one["in"], one.get("description", "")) for one in operation.get("parameters", [])],
        "fields": _fields(operation),
    }


def _fields(operation: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Name, type, words and whether it has to be there, of each member of the body."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        found = _resolved(content.get("schema", {}))
        needed = found.get("required", [])
        return [
            (name, _kind(one), one.get("description", ""), name in needed)
            for name, one in found.get("properties", {}).items()
        ]
    return []


def _resolved(found: dict[str, Any]) -> dict[str, Any]:
    name = found.get("$ref", "").rpartition("/")[2]
    return schema()["components"]["schemas"][name] if name else found


def _kind(one: dict[str, Any]) -> str:
    if "enum" in one:
        return " | ".join(map(str, one["enum"]))
    inner = one.get("items")
    if inner is not None:
        return f"list of {_kind(inner)}"
    if one.get("allOf"):
        return _kind(_resolved(one["allOf"][0]))
    if "$ref" in one:
        return _kind(_resolved(one))
    return str(one.get("format") or one.get("type", "anything"))
