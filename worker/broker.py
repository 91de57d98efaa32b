"""Is the broker one that the site is tested with?"""

from typing import Any

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from kombu import Connection

MINIMUM_VERSION = (7, 0)


def broker_problem(address: str) -> str:
    """In words, when the broker at `address` is too old; else empty, also when it does not answer: that may pass."""
    passing: tuple[Any, ...] = (redis.RedisError, OSError, KeyError, *Connection(address).connection_errors)
    try:
        with Connection(address, connect_timeout=2) as connection:
            channel: Any = connection.channel()
            version = str(channel.client.info("server")["redis_version"])
    except passing:
        return ""
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_VERSION:
        wanted = ".".join(map(str, MINIMUM_VERSION))
        return f"REDIS_URL: the server is Redis {version}; {wanted} or newer (or Valkey) is needed."
    return ""


@register(Tags.security, deploy=True)
def check_broker(**_options: object) -> list[CheckMessage]:
    problem = broker_problem(settings.CELERY_BROKER_URL)
    return [Error(problem, id="worker.E003")] if problem else []
