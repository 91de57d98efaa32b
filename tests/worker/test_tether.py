"""A tethered command dies with its parent, by the kernel's help or by watching."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker.site import NEEDS_PROC, wait_until
from worker.execution import tether

pytestmark = [pytest.mark.faults, NEEDS_PROC]

# A parent that starts a tethered `sleep`, says its pid and waits. argv: "exec" (this platform's way) or "watch".
PARENT = """
import os, subprocess, sys
sys.path.insert(0, os.getcwd())
from worker.execution import tether
command = tether.tethered([sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"])
if sys.argv[1] == "watch":
    watch = "import sys; from worker.execution import tether; sys.exit(tether.watch(%d, 9, sys.argv[1:]))" % os.getpid()
    command = [sys.executable, "-c", watch, *command[6:]]
subprocess.Popen(command).wait()
"""


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("way", ["exec", "watch"])
def test_the_command_dies_when_its_parent_is_killed(way):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, way], stdout=subprocess.PIPE, text=True)
    command = int(parent.stdout.readline())
    assert is_alive(command)

    parent.kill()
    parent.wait()

    wait_until(lambda: not is_alive(command), 5, "the command is gone")


def test_a_parent_that_is_gone_already_starts_nothing():
    arguments = tether.tethered([sys.executable, "-c", "print('ran')"])
    arguments[4] = str(os.getppid())  # not the parent of what is started here

    completed = subprocess.run(arguments, capture_output=True, text=True)

    assert (completed.returncode, completed.stdout) == (1, "")


def test_watching_passes_status_and_signals_on():
    watch = (
        "import os, sys; from worker.execution import tether;"
        "sys.exit(tether.watch(os.getppid(), 9, [sys.executable, '-c', sys.argv[1]]))"
    )
    ends = subprocess.run([sys.executable, "-c", watch, "raise SystemExit(7)"])
    waits = subprocess.Popen(
        [sys.executable, "-c", watch, "import time; print('up', flush=True); time.sleep(60)"], stdout=subprocess.PIPE
    )
    waits.stdout.readline()
    waits.send_signal(signal.SIGTERM)

    assert ends.returncode == 7
    assert waits.wait(timeout=10) == 128 + signal.SIGTERM
