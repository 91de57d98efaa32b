"""Loaded before Django's settings (`-p tests.environment`): an own data directory for each test process."""

import atexit
import os
import shutil
import tempfile

DATA_DIR = tempfile.mkdtemp(prefix="turing-test-")
os.mkdir(f"{DATA_DIR}/static")  # noqa: PTH102
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)

os.environ.update(
    DATA_DIR=DATA_DIR,
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", ""),
    REDIS_URL="redis://127.0.0.1:1/0",  # refused at once: what needs a broker starts its own
    SECRET_KEY="for tests only, not a secret, long enough to please the check",
    STATIC_MANIFEST="0",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    MIN_FREE_GB="0",  # tests of the disk guard set a limit of their own
    DJANGO_ALLOW_ASYNC_UNSAFE="1",  # Playwright's loop runs in the thread that also uses the database
)
