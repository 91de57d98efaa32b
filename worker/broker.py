"""Is the broker one that the site is tested with?"""

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

MINIMUM_VERSION = (7, 0)


def broker_problem(address: str) -> str:
    """In words, when the broker at `address` is too old; else empty, also when it does not answer: that may pass."""
    try:
        with redis.Redis.from_url(
            address.replace("redis+socket://", "unix://", 1), socket_timeout=2, socket_connect_timeout=2
        ) as client:
            version = str(client.info("server")["redis_version"])
    except (redis.RedisError, OSError, KeyError):
        return ""
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_VERSION:
        wanted = ".".join(map(str, MINIMUM_VERSION))
        return f"REDIS_URL: the server is Redis {version}; {wanted} or newer (or Valkey) is needed."
    return ""


@register(Tags.security, deploy=True)
def check_broker(**_options: object) -> list[CheckMessage]:
    problem = broker_problem(settings.CELERY_BROKER_URL)
    return [Error(problem, id="worker.E003")] if problem else []
