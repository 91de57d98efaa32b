"""Signing in with the hospital's own account, by OpenID Connect: who gets in, and what a token must be.

allauth speaks the protocol (discovery, state, PKCE, the exchange of the code). Here is what it leaves out: a nonce, and
checking the signature of a token that came straight from the server; and our rule for who may come in.

Source: OpenID Connect Core 1.0, section 3.1.3.7.
"""

import json
import logging
import secrets
from typing import Any

import jwt
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from requests import RequestException

from config.accounts.errors import AccountError
from config.accounts.sso_accounts import account_for

PROVIDER_ID = "sso"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY_S = 60  # between the two servers' clocks

logger = logging.getLogger(__name__)


class Provider(OpenIDConnectProvider):
    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        return reverse("sso_login") + (f"?{urlencode(kwargs)}" if kwargs else "")

    def get_callback_url(self) -> str:
        return reverse("sso_callback")

    def get_oauth2_adapter(self, request: HttpRequest) -> "ProtocolAdapter":
        return ProtocolAdapter(request, PROVIDER_ID)

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        return dict(self.get_auth_params())  # nothing that a link to our sign-in page says

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        return self.get_scope()

    def redirect(
        self, request: HttpRequest, process: str, next_url: Any = None, data: Any = None, **kwargs: Any
    ) -> Any:
        nonce = secrets.token_urlsafe(32)
        kwargs["auth_params"] = {**(kwargs.get("auth_params") or self.get_auth_params()), "nonce": nonce}
        answer: HttpResponseBase = super().redirect(request, process, next_url, data, nonce=nonce, **kwargs)
        return answer


class ProtocolAdapter(OpenIDConnectOAuth2Adapter):
    nonce = ""  # of the request that this answer is to

    @property
    def openid_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().openid_config
        if str(config.get("issuer", "")).rstrip("/") != settings.OIDC_ISSUER.rstrip("/"):
            raise OAuth2Error(f"the server at OIDC_ISSUER says that its issuer is {config.get('issuer')!r}")
        return config

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return request.build_absolute_uri(reverse("sso_callback"))

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        id_token = kwargs["response"].get("id_token")
        if not id_token:
            raise OAuth2Error("the server sent no ID token")
        claims = self._checked(id_token, client_id=app.client_id)
        if self.openid_config.get("userinfo_endpoint"):
            about = self._fetch_user_info(token.token)
            if about.get("sub") != claims["sub"]:
                raise OAuth2Error("user info is of another person than the ID token")
            claims = {**about, **claims}
        login = self.get_provider().sociallogin_from_response(request, {"id_token": claims})
        login.account.extra_data = {}  # names, addresses, groups: not kept
        login.claims = claims
        return login

    def _checked(self, id_token: str, *, client_id: str) -> dict[str, Any]:
        """The claims of a token that this server signed, for us, in answer to this very request, and still in time.

        Raises OAuth2Error.
        """
        try:
            claims = jwt.decode(
                id_token,
                key=self._key(jwt.get_unverified_header(id_token).get("kid")),
                algorithms=ALGORITHMS,
                audience=client_id,
                issuer=self.openid_config["issuer"],
                leeway=LEEWAY_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except jwt.PyJWTError as error:
            raise OAuth2Error(f"ID token refused: {error}") from error
        if not self.nonce or not constant_time_compare(str(claims["nonce"]), self.nonce):
            raise OAuth2Error("ID token refused: it answers another request (nonce)")
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != client_id:
            raise OAuth2Error("ID token refused: it is for several, and not made for us (azp)")
        return dict(claims)

    def _key(self, kid: str | None) -> jwt.PyJWK:
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
        keys = [key for key in answer.json().get("keys", []) if key.get("use", "sig") == "sig" and key["kty"] != "oct"]
        found = [key for key in keys if key.get("kid") == kid] if kid else keys[:1]
        if not found:
            raise OAuth2Error(f"ID token refused: the server has no key {json.dumps(kid)}")
        return jwt.PyJWK(found[0])


class _Callback(OAuth2CallbackView):
    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, response = super()._get_state(request, provider)
        self.adapter.nonce = (state or {}).get("nonce", "")
        return state, response


def login(request: HttpRequest) -> HttpResponseBase:
    """By POST to the hospital's sign-in page; by GET a page with a button (nobody is signed in by a link)."""
    return _view(OAuth2LoginView, request)


def callback(request: HttpRequest) -> HttpResponseBase:
    return _view(_Callback, request)


def _view(view: Any, request: HttpRequest) -> HttpResponseBase:
    if not settings.OIDC_ISSUER:
        raise Http404("This site has no single sign-on.")
    adapter = ProtocolAdapter(request, PROVIDER_ID)
    try:
        answer: HttpResponseBase = view.adapter_view(adapter)(request)
    except (OAuth2Error, RequestException) as error:  # before the redirect: the server does not answer, or is another
        answer = render_authentication_error(request, adapter.get_provider(), exception=error)
    return answer


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Nobody registers: an unknown person is let in by the role claim, joined by a verified address, or sent away."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            return  # somebody who is signed in ties the hospital's account to the own one
        try:
            user = account_for(sociallogin.claims, known=sociallogin.user if sociallogin.is_existing else None)
        except AccountError as error:
            page = render(request, "socialaccount/no_account.html", {"problem": str(error)}, status=403)
            raise ImmediateHttpResponse(page) from error
        if not sociallogin.is_existing:
            sociallogin.connect(request, user)

    def on_authentication_error(self, request: HttpRequest, provider: Any, **details: Any) -> None:
        logger.warning("Single sign-on failed: %s %s", details.get("error"), details.get("exception") or "")
