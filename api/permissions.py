"""Who may call a view: its audience, which is a predicate of the pages, and, of a token, its scope."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from api.models import Token


class Allowed(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        """False for nobody in particular, which makes a 401; refusals of somebody say why."""
        if not request.user.is_authenticated:
            return False
        if request.method not in view.allowed_methods:
            raise MethodNotAllowed(request.method)
        if not view.audience(request.user):
            raise PermissionDenied(view.audience_words)
        scope = view.scope_of(request.method)
        if isinstance(request.auth, Token) and scope not in request.auth.scopes:
            raise PermissionDenied(
                f"This token has not the scope {scope}. Make one that has, on the page “API tokens”."
            )
        return True


def scope_for(view: Any, method: str) -> str:
    return str(view.read_scope if method in SAFE_METHODS else view.write_scope)
