"""The web server's worker process: gunicorn's threads, with connections shared out evenly over the processes."""

import socket
import sys
import time

from gunicorn.workers.gthread import ThreadWorker

HESITATION_S = 50e-6  # per connection that the process holds already
LONGEST_HESITATION_S = 0.01
SWITCH_INTERVAL_S = 0.001


class BalancedWorker(ThreadWorker):
    """A process that has many connections lets the others take the next one.

    Connections are kept for many requests, and a new one wakes every process: whichever happens to be first has it for
    as long as a reader reads. Of 300 connections one of four processes was seen to take 150; its readers waited while
    the other processes idled. So each hesitates in proportion to what it has; the one with the fewest comes first. A
    connection that nobody else took meanwhile is taken all the same.

    A thread that holds a row's lock must not wait long for another thread of its process: Python's usual 5 ms, after
    each answer of the database, would be most of the time that a lock is held.
    """

    def init_process(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        time.sleep(min(HESITATION_S * self.nr_conns, LONGEST_HESITATION_S))
        super().accept(listener)
