"""Several files at once: decoding, hashing and writing pictures is done in C, outside Python's lock."""

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST_THREADS = 8  # each may hold a picture of 64 megapixels


def usable_processors() -> int:
    """How many of the machine's processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(function: Callable[[Item], Result], items: Iterable[Item], *, threads: int) -> Iterator[Result]:
    """`function` of each item, in the order of the items, worked out by up to `threads` threads.

    Only a few results are ahead of the one that is asked for, however many items there are. An exception comes where
    its result would have come; what was begun ends before this generator does.
    """
    threads = min(threads, MOST_THREADS)
    if threads < 2:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="intake") as pool, warnings.catch_warnings():
        # set once, around all threads: `catch_warnings` inside them would restore each other's filters
        warnings.simplefilter("ignore")
        ahead: deque[Future[Result]] = deque()
        try:
            for item in items:
                ahead.append(pool.submit(function, item))
                if len(ahead) > threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
