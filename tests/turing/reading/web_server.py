"""The site's own web server as the supervisor starts and watches it, for tests that kill it; and a page that has no
browser.
"""

import http.client
import json
import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.test import Client

from config.supervisor import Supervisor
from tests.worker.site import wait_until
from turing.models import ReadingSession

PAGE_TIMEOUT_S = 15  # static/js/reading/server.js
CSRF = "c" * 32


class WebServer:
    """gunicorn with the supervisor's own command line, socket and watching. One thread starts it: it is tethered."""

    def __init__(self, data_dir: Path, database_url: str, port: int = 0) -> None:
        """`port`: 0 for any that is free."""
        supervisor = Supervisor(port=port)
        self._listener = supervisor._listener = supervisor._listen()
        self.port = supervisor.port = self._listener.getsockname()[1]
        (self.part,) = supervisor._web_part()
        self.part.log = data_dir / "web.log"
        self.part.environment |= {"DATA_DIR": str(data_dir), "DATABASE_URL": database_url, "OMP_NUM_THREADS": "1"}
        self.part.environment["DJANGO_ALLOW_ASYNC_UNSAFE"] = ""  # for the browser in the test's own process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watches the web server")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "WebServer":
        self._thread.start()
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._listener.close()

    def kill_for_good(self) -> None:
        """Everything at once, and nobody starts it again or listens any more: as when the supervisor is gone, too."""
        group = self.master
        self._ended.set()
        self._listener.close()
        os.killpg(group, signal.SIGKILL)

    def _watch(self) -> None:
        try:
            while not self._ended.wait(0.1):
                self.part.watch()
        finally:
            self.part.stop()

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.part.ready or not self._thread.is_alive(), 60, "the web server answers")
        assert self._thread.is_alive(), self.part.last_words()

    @property
    def master(self) -> int:
        process = self.part.process
        assert process is not None
        return process.pid

    def workers(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split()]

    def kill_master(self) -> None:
        """And with it, as soon as the supervisor sees it, what it had started."""
        starts = self.starts()
        os.kill(self.master, signal.SIGKILL)
        wait_until(lambda: self.starts() > starts, 30, "the web server is started again")
        self.wait_until_ready()

    def kill_a_worker(self) -> None:
        """The master starts another one."""
        wanted = wait_until(self.workers, 30, "there are workers")
        killed = wanted[0]
        os.kill(killed, signal.SIGKILL)
        wait_until(
            lambda: killed not in self.workers() and len(self.workers()) >= len(wanted), 30, "there is another worker"
        )

    def signal_all(self, number: signal.Signals) -> None:
        """Master and workers at once."""
        os.killpg(self.master, number)

    def starts(self) -> int:
        return self.part.log.read_text().count("--- ")


def stored_answers(session: ReadingSession) -> list[tuple[int, str, uuid.UUID, int]]:
    """Position, value, key and reading time, in the order of being stored."""
    answers = session.answers.order_by("pk")
    return list(answers.values_list("trial__position", "value", "idempotency_key", "reading_ms"))


def sign_in(session: ReadingSession) -> str:
    """The cookie of its reader."""
    browser = Client()
    browser.force_login(session.reader)
    return browser.cookies["sessionid"].value


class PageClient:
    """What the reading page does, without a browser: one request at a time, the same again until the server says yes
    or no.
    """

    def __init__(self, port: int, session: ReadingSession, cookie: str = "") -> None:
        self._headers = {
            "Cookie": f"sessionid={cookie or sign_in(session)}; csrftoken={CSRF}",
            "X-CSRFToken": CSRF,
            "Content-Type": "application/json",
        }
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PAGE_TIMEOUT_S)
        self.root = f"/read/{session.pk}"
        self.session = session
        self.acknowledged: list[tuple[int, str, uuid.UUID, int]] = []  # position, value, key, reading time
        self.interrupted = 0  # requests of any kind that had to be sent more than once
        self.repeated = 0  # answers among them
        self.before_answer: Callable[[], None] = lambda: None

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Status, and JSON or bytes. Raises OSError or HTTPException when the connection breaks."""
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), self._headers)
            response = self._connection.getresponse()
            content = response.read()
        except BaseException:
            self._connection.close()  # the next request opens another one
            raise
        is_json = response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(content) if is_json else content

    def persist(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[Any, int]:
        """What came with status 200, and how many attempts it took."""
        deadline = time.monotonic() + 45
        for attempt in range(1, 10_000):
            with suppress(OSError, http.client.HTTPException):
                status, content = self.request(method, path, body)
                if status < 500:
                    assert status == 200, f"{method} {path}: {status} {content}"
                    self.interrupted += attempt > 1
                    return content, attempt
            assert time.monotonic() < deadline, f"{method} {path} was repeated for 45 s"
            time.sleep(0.05)
        raise AssertionError

    def attend(self) -> dict[str, Any]:
        """What is current; from now on this page reads."""
        attended, _ = self.persist("POST", f"{self.root}/attend", {})
        self._headers["X-Attendance"] = self.attendance = attended["attendance"]
        return attended["current"]

    def fetch(self, state: dict[str, Any]) -> None:
        """The image, and the one after it once, as the page does."""
        self.persist("GET", state["stimulus"])
        if state["ahead"]:
            with suppress(OSError, http.client.HTTPException):
                self.request("GET", state["ahead"]["stimulus"])

    def new_answer(self, state: dict[str, Any], value: str, reading_ms: int = 1500) -> dict[str, Any]:
        return {
            "token": state["token"],
            "value": value,
            "idempotency_key": str(uuid.uuid4()),
            "reading_ms": reading_ms,
            "hidden_ms": 0,
            "attendance": self.attendance,
        }

    def note(self, state: dict[str, Any], answer: dict[str, Any]) -> None:
        self.acknowledged.append(
            (state["position"], answer["value"], uuid.UUID(answer["idempotency_key"]), answer["reading_ms"])
        )

    def lose_the_response(self, path: str, body: dict[str, Any]) -> None:
        """Sends a request and hears nothing of it: the connection goes while the server is at work."""
        with suppress(OSError, http.client.HTTPException):
            self._connection.request("POST", path, json.dumps(body), self._headers)
        self._connection.close()

    def read_all(self) -> None:
        """To the end of the study, as fast as the server allows. One response in eight is lost on its way."""
        state = self.attend()
        while state["state"] == "reading":
            self.fetch(state)
            self.before_answer()
            answer = self.new_answer(state, random.choice(["real", "synthetic"]), random.randrange(200, 9000))
            if random.random() < 1 / 8:
                self.lose_the_response(f"{self.root}/answer", answer)
            content, attempts = self.persist("POST", f"{self.root}/answer", answer)
            assert content["stored"] == state["position"]
            self.note(state, answer)
            self.repeated += attempts > 1
            state = content["next"]
