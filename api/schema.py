"""How the schema (docs/openapi.yaml) is made: the refusals that every operation can give, its scope, its parameters."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from api.fields import Body, Query
from api.idempotency import HEADER, LONGEST_KEY
from api.permissions import scope_for
from api.problems import CONTENT_TYPE, TITLES
from api.scope import HEADER as PROJECT


class ProblemError(serializers.Serializer):
    field = serializers.CharField(help_text="Path of the field, joined by dots; empty: the request as a whole.")
    message = serializers.CharField(help_text="What is wrong with it and what to do.")


class Problem(serializers.Serializer):
    """A refusal (RFC 9457)."""

    type = serializers.CharField(help_text="A name for this kind of refusal, for programs.")
    title = serializers.CharField(help_text="The kind of refusal in words.")
    status = serializers.IntegerField(help_text="The HTTP status.")
    detail = serializers.CharField(help_text="What was wrong, where, and what to do.")
    errors = ProblemError(many=True, help_text="Of values that were not accepted: each with its field.")


class ApiSchema(AutoSchema):
    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            words = operation.get("description", "") if operation.get("summary") else ""
            operation["description"] = f"{words}\n\nScope: `{scope_for(self.view, self.method)}`".strip()
        return operation

    def get_override_parameters(self) -> list[Any]:
        found: list[Any] = [*super().get_override_parameters()]
        query: type[Query] | None = getattr(self.view, "query", None)
        if self.method == "GET" and query is not None and query().fields:
            found.append(query)
        if self.view.minds_projects:
            found.append(
                OpenApiParameter(
                    PROJECT,
                    {"type": "string", "minLength": 1, "maxLength": 50, "pattern": r"^[-\w]+$"},
                    OpenApiParameter.HEADER,
                    description="Short name of one of your projects: only what lies in it is seen, and what is made "
                    "belongs to it. Needed where something new is made and you are in several.",
                )
            )
        if self.method == "POST" and getattr(self.view, "can_repeat", False):
            found.append(
                OpenApiParameter(
                    HEADER,
                    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": r"^[\x21-\x7e]+$"},
                    OpenApiParameter.HEADER,
                    description="A word of your own, new with every new request: a request that is sent again with "
                    "the same word starts nothing twice and gets the first answer. Kept for 7 days.",
                )
            )
        return found

    def _map_serializer(self, serializer: Any, direction: str, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer(serializer, direction, bypass_extensions)
        if direction == "request" and isinstance(serializer, Body) and "$ref" not in schema:
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        numbers = [400, 401, 403, 404, 409, 429, 503]
        if self.method != "GET":
            numbers += [413, 415, 422]
        for number in sorted(numbers):
            body = self._get_response_for_code(Problem, str(number), media_types=[CONTENT_TYPE])
            body["description"] = TITLES[number]
            bodies.setdefault(str(number), body)
        return bodies


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of the page “API tokens”. Each operation names the scope that it needs.",
        }
