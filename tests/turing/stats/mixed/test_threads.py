"""Linear algebra of a fit runs on one thread, and what was set before comes back."""

import threadpoolctl

from turing.stats.mixed.threads import with_one_blas_thread


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}


def test_one_thread_inside_only():
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert blas_threads() == {2}
        assert with_one_blas_thread(blas_threads)() == {1}
        assert blas_threads() == {2}
