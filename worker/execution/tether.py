"""Runs a command that dies with the process that started it. A script without imports of ours: it must start at once.

    python -I tether.py PARENT_PID SIGNAL COMMAND [ARGUMENT ...]

On Linux the kernel sends SIGNAL to the command when its parent ends, however it ends. (To be exact: when the parent's
*thread* that started it ends; whoever starts a tethered process keeps that thread.) Elsewhere this script stays in
between, watches its parent and passes signals on.
"""

import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.5


def tethered(command: list[str], *, sent_at_death: int = signal.SIGKILL) -> list[str]:
    """The command line that runs `command` tethered to this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(sent_at_death)), *command]


def main(arguments: list[str]) -> int:
    parent, sent_at_death, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, sent_at_death, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the line above
            return 1
        os.execvp(command[0], command)  # noqa: S606  keeps the process id, the open files and the death signal
    return watch(parent, sent_at_death, command)


def watch(parent: int, sent_at_death: int, command: list[str]) -> int:
    """Stay between `parent` and the command. Returns the command's exit status (128 + n after signal n)."""
    process = subprocess.Popen(command, close_fds=False)
    for passed_on in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(passed_on, lambda number, _frame: process.send_signal(number))
    while True:
        try:
            status = process.wait(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                process.send_signal(sent_at_death)
        else:
            return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
