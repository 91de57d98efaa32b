"""What all processes of all hosts remember together for a while (failed sign-ins, mainly): in the broker's Redis.

Not a store of anything that matters later. While Redis cannot be reached each process remembers for itself, so that
people can still sign in; limits then count per process, which the log says.
"""

import functools
import json
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

LONGEST_WAIT_S = 2.0  # for Redis, once
RETRY_AFTER_S = 5.0  # after it did not answer

logger = logging.getLogger(__name__)


def cache_settings(redis_url: str) -> dict[str, Any]:
    """The entry of Django's CACHES for a broker's address as Celery writes it."""
    return {
        "BACKEND": "config.cache.SharedCache",
        "LOCATION": redis_location(redis_url),
        "KEY_PREFIX": "turing-reader",
        "OPTIONS": {
            "serializer": "config.cache.JsonSerializer",
            "socket_timeout": LONGEST_WAIT_S,
            "socket_connect_timeout": LONGEST_WAIT_S,
        },
    }


def redis_location(celery_url: str) -> str:
    """The same server for redis-py: Celery's `redis+socket:///path?virtual_host=1` is `unix:///path?db=1`."""
    if not celery_url.startswith("redis+socket://"):
        return celery_url
    parts = urlsplit(celery_url)
    query = [("db" if name == "virtual_host" else name, value) for name, value in parse_qsl(parts.query)]
    credentials, at, _ = parts.netloc.rpartition("@")
    return f"unix://{credentials}{at}{parts.path}" + (f"?{urlencode(query)}" if query else "")


class JsonSerializer:
    """In place of pickle: whoever can write to Redis must not be able to run code here."""

    def dumps(self, value: Any) -> Any:
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: Any) -> Any:
        return json.loads(data)


class _Client(RedisCacheClient):
    def clear(self) -> bool:
        """Our keys only: Django empties the whole database, and the broker's queues are in it."""
        connection = self.get_client(None, write=True)
        for key in connection.scan_iter(match="turing-reader:*", count=500):
            connection.delete(key)
        return True


def _or_alone(name: str) -> Callable[..., Any]:
    """The method of RedisCache, or of a cache of this process alone while Redis does not answer."""
    shared, alone = getattr(RedisCache, name), getattr(LocMemCache, name)

    @functools.wraps(shared)
    def method(self: "SharedCache", *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= self.away_until:
            try:
                return shared(self, *args, **kwargs)
            except (redis.exceptions.RedisError, OSError) as error:
                self.away_until = time.monotonic() + RETRY_AFTER_S
                logger.warning("Redis does not answer (%s): limits count per process for now", type(error).__name__)
        return alone(self.alone, *args, **kwargs)

    return method


class SharedCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client
        self.alone = LocMemCache("while-redis-is-away", {})
        self.away_until = 0.0

    add = _or_alone("add")
    get = _or_alone("get")
    set = _or_alone("set")
    touch = _or_alone("touch")
    delete = _or_alone("delete")
    get_many = _or_alone("get_many")
    has_key = _or_alone("has_key")
    incr = _or_alone("incr")
    set_many = _or_alone("set_many")
    delete_many = _or_alone("delete_many")
    clear = _or_alone("clear")
