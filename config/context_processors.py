"""Values that every page needs."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, str]:
    return {"site_name": settings.SITE_NAME, "sso_name": settings.OIDC_NAME if settings.OIDC_ISSUER else ""}
