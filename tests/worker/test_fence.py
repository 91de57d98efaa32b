"""A process that may have lost its job without knowing ends by itself, whatever it is doing."""

import signal
import subprocess
import sys
import time

import pytest

from worker import timing

PROGRAM = """
import sys, time
from worker.execution import fence
fence.OUT_OF_TOUCH_SECONDS, fence.FENCE_SECONDS = 0.5, 1.5
fence = fence.Fence(lambda: print("asked", flush=True))
fence.renewed(time.monotonic())
print("begun", flush=True)
"""


def run(program: str, *, timeout: float = 60) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + program], capture_output=True, text=True, timeout=timeout, check=False
    )
    return done.returncode, done.stdout.split()


def test_without_renewal_it_is_asked_to_leave_and_then_ended():
    assert run("while True: pass") == (-signal.SIGALRM, ["begun", "asked"])


def test_renewals_keep_it():
    code = "for _ in range(12): time.sleep(0.2); fence.renewed(time.monotonic())\nprint('done')"
    assert run(code) == (0, ["begun", "done"])


def test_a_renewal_counts_from_when_it_was_sent():
    code = "sent = time.monotonic()\nfor _ in range(30): time.sleep(0.2); fence.renewed(sent)"
    assert run(code) == (-signal.SIGALRM, ["begun", "asked"])


def test_nothing_happens_while_the_row_is_held_nor_when_all_is_done():
    held = "with fence.paused(): time.sleep(2.5); fence.renewed(time.monotonic())\n"
    code = held + "fence.lift(); time.sleep(2); print('done')"
    assert run(code) == (0, ["begun", "done"])


def test_no_renewal_puts_off_the_end_that_was_set():
    code = "fence.end_within(1)\nfence.lift()\nfor _ in range(60): time.sleep(0.2); fence.renewed(time.monotonic())"
    assert run(code)[0] == -signal.SIGALRM


@pytest.mark.faults
def test_a_frozen_process_does_nothing_more_when_it_wakes():
    code = "for n in range(1000): time.sleep(0.05); print(n, flush=True)"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM + code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"

    process.send_signal(signal.SIGSTOP)
    time.sleep(2)
    process.send_signal(signal.SIGCONT)

    assert process.wait(timeout=30) == -signal.SIGALRM
    assert len(process.stdout.read().split()) < 20


def test_it_ends_before_another_worker_may_begin():
    assert timing.HEARTBEAT_SECONDS < timing.OUT_OF_TOUCH_SECONDS
    assert timing.OUT_OF_TOUCH_SECONDS + timing.STOP_GRACE_SECONDS <= timing.FENCE_SECONDS < timing.LEASE_SECONDS
