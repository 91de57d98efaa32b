"""`Authorization: Bearer ...`. Browsers that are signed in come in by their session (with CSRF protection)."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from api.models import Token
from api.tokens import find_token, note_use
from config.accounts.models import User

REALM = 'Bearer realm="Turing Reader"'


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        """None without such a header: the session then decides."""
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("The header is not understood. Send “Authorization: Bearer” and the token.")
        token = find_token(parts[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed(
                "This token is not known, was revoked or has expired. Make a new one on the page “API tokens”."
            )
        note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return REALM
