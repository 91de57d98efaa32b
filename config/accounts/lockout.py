"""Limits on failed sign-ins, per account and per address: how long one lasts, and how an administrator lifts it.

allauth counts, in the cache that all processes share; the limits are ACCOUNT_RATE_LIMITS in the settings. Attempts that
are refused are not counted, so a lockout ends by itself.
"""

import logging
import math
import time
from ipaddress import ip_address

from allauth.core.internal import ratelimit
from allauth.core.internal.ratelimit import Rate
from django.core.cache import cache
from django.db.models import Q
from django.http import HttpRequest

from config.accounts.errors import AccountError
from config.accounts.models import User

COUNTER = {"app": "allauth.account", "action": "login_failed"}

logger = logging.getLogger(__name__)


def account_key(login: str) -> str:
    """Under which failures are counted: the account's, by whichever name it is tried; else the name itself."""
    user = find_account(login)
    return f"login:{login.lower()}" if user is None else f"user:{user.pk}"


def find_account(login: str) -> User | None:
    """By user name or e-mail, as the sign-in page takes them."""
    if not login:
        return None
    return User.objects.filter(Q(username__iexact=login) | Q(email__iexact=login)).order_by("pk").first()


def seconds_to_wait(*, request: HttpRequest, key: str) -> float:
    """Until an attempt is counted again, for this address and this account; 0.0 when there is no limit now."""
    return max((_seconds_left(_cache_key(rate, request, key), rate) for rate in _rates()), default=0.0)


def seconds_locked(user: User) -> float:
    """How long this account is locked for everybody, whatever their address; 0.0 when it is not."""
    left = [_seconds_left(_cache_key(rate, None, key), rate) for rate in _rates("key") for key in _keys(user)]
    return max(left, default=0.0)


def lift_lockout(*, user: User, by: User | None) -> None:
    """Forget the failed sign-ins of an account, those with its second factor too."""
    cache.delete_many([_cache_key(rate, None, key) for rate in _rates("key") for key in _keys(user)])
    logger.info("Lockout of user %s lifted by user %s", user.pk, by.pk if by else "command line")


def lift_lockout_of_address(*, address: str, by: User | None) -> None:
    """Forget the failed sign-ins from one address. Raises AccountError for what is no IP address."""
    request = HttpRequest()
    try:
        request.META["REMOTE_ADDR"] = str(ip_address(address.strip()))
    except ValueError:
        raise AccountError(f"“{address}” is no IP address. It looks like 192.0.2.17 or 2001:db8::17.") from None
    cache.delete_many([_cache_key(rate, request, "") for rate in _rates("ip")])
    logger.info("Lockout of an address lifted by user %s", by.pk if by else "command line")


def time_in_words(seconds: float) -> str:
    if seconds > 90:
        return f"{math.ceil(seconds / 60)} minutes"
    return f"{max(1, math.ceil(seconds))} seconds"


def _keys(user: User) -> tuple[str, str]:
    return f"user:{user.pk}", f"mfa-auth-user-{user.pk}"  # the second is allauth's, for wrong codes


def _rates(per: str = "") -> list[Rate]:
    return [rate for rate in ratelimit.get_rates(**COUNTER) if per in ("", rate.per)]


def _cache_key(rate: Rate, request: HttpRequest | None, key: str) -> str:
    return ratelimit.get_cache_key(request, **COUNTER, rate=rate, key=key)


def _seconds_left(cache_key: str, rate: Rate) -> float:
    history = cache.get(cache_key, [])  # of times, newest first
    if len(history) < rate.amount:
        return 0.0
    return max(0.0, float(history[rate.amount - 1] + rate.duration - time.time()))
