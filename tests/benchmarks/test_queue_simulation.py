"""The simulated queue against Erlang's formula and the law that priorities move waiting and do not make it."""

import pytest

from benchmarks._queue_simulation import JobClass, erlang_c, mean_wait, simulate, wait_quantile


@pytest.mark.parametrize(
    ("workers", "offered", "expected"),
    [
        (1, 0.5, 0.5),  # M/M/1: the load itself
        (2, 1.0, 1 / 3),  # 2 rho^2 / (1 + rho)
        (3, 2.0, 4 / 9),  # by hand: (8/6)(3) / (1 + 2 + 2 + (8/6)(3))
    ],
)
def test_erlang_c_by_hand(workers, offered, expected):
    assert erlang_c(workers=workers, offered=offered) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("workers", "load"), [(1, 0.6), (4, 0.8), (20, 0.9)])
def test_the_simulation_agrees_with_the_formula(workers, load):
    rate, length = load * workers / 50, 50.0

    (found,) = simulate(classes=[JobClass(rate=rate, mean_seconds=length)], workers=workers, jobs=200_000, seed=workers)

    assert found.mean == pytest.approx(mean_wait(workers=workers, rate=rate, mean_seconds=length), rel=0.08)
    assert found.share_waiting == pytest.approx(erlang_c(workers=workers, offered=rate * length), abs=0.02)
    expected = wait_quantile(workers=workers, rate=rate, mean_seconds=length, q=0.95)
    assert found.p95 == pytest.approx(expected, rel=0.1)


def test_priorities_move_waiting_and_do_not_make_it():
    """Cobham (1954) for two classes of one length: W_i = W0 / ((1 - s_(i-1)) (1 - s_i)), W0 = C m / c."""
    urgent, other = JobClass(rate=0.03, mean_seconds=50, priority=1), JobClass(rate=0.04, mean_seconds=50)

    first, second = simulate(classes=[urgent, other], workers=4, jobs=200_000, seed=3)

    residual = erlang_c(workers=4, offered=3.5) * 50 / 4
    share = 0.03 * 50 / 4
    assert first.mean == pytest.approx(residual / (1 - share), rel=0.08)
    assert second.mean == pytest.approx(residual / ((1 - share) * (1 - 3.5 / 4)), rel=0.12)
    together = (first.mean * first.jobs + second.mean * second.jobs) / (first.jobs + second.jobs)
    assert together == pytest.approx(mean_wait(workers=4, rate=0.07, mean_seconds=50), rel=0.12)


def test_too_much_work_is_refused():
    with pytest.raises(ValueError, match="2 workers are 150% busy"):
        simulate(classes=[JobClass(rate=3, mean_seconds=1)], workers=2, jobs=10, seed=1)
    with pytest.raises(ValueError, match="below 2 workers"):
        erlang_c(workers=2, offered=2.0)
