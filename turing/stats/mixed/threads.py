"""One BLAS thread while a mixed model is fitted: its matrices are small, and threads that wait for each other cost more
than they bring (two threads made the linear model 25 times slower)."""

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

import numpy.linalg  # noqa: F401 -- the libraries must be loaded before they are looked for
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
T = TypeVar("T")


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looking for the libraries takes milliseconds, so it is done once


def with_one_blas_thread(function: Callable[P, T]) -> Callable[P, T]:
    """Decorator: the linear algebra inside of `function` uses one thread; the setting before comes back after it."""

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        with _controller().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
