"""The time that is left follows the schedule of sizes; curves are means over the steps that have them."""

from dataclasses import dataclass

import pytest
import torch

from generation.gan import progress
from generation.gan.progress import FOLD_EVERY, Clock, Curves
from generation.gan.recipe import Stage

SMALL, LARGE = Stage(image_size=8, batch_size=10), Stage(image_size=16, batch_size=5)


@dataclass
class Schedule:
    """600 images of 8 pixels, then 400 of 16."""

    total_images: int = 1000

    def stage(self, images_seen: int) -> Stage:
        return SMALL if images_seen < 600 else LARGE


@pytest.fixture
def tick(monkeypatch):
    """Sets the clock that steps are timed with."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])

    def tick(seconds: float) -> None:
        now[0] += seconds

    return tick


class TestClock:
    def test_before_the_first_step_nothing_is_foretold(self):
        assert Clock(Schedule()).seconds_left(0) is None

    def test_sizes_to_come_cost_as_much_per_pixel(self, tick):
        clock = Clock(Schedule())
        clock.start()
        tick(2.0)  # 10 images: 0.2 s each, and 0.8 s each at twice the side
        clock.step(SMALL)

        assert clock.pieces == [(0, 600, 8), (600, 1000, 16)]
        assert clock.batch_sizes == {5, 10}
        assert clock.seconds_left(10) == pytest.approx(590 * 0.2 + 400 * 0.8)
        assert clock.seconds_left(700) == pytest.approx(300 * 0.8)
        assert clock.seconds_left(1000) == 0

    def test_a_size_that_was_trained_is_taken_as_measured(self, tick):
        clock = Clock(Schedule())
        clock.start()
        tick(2.0)
        clock.step(SMALL)
        tick(10.0)  # 5 images: 2 s each
        clock.step(LARGE)

        assert clock.seconds_left(605) == pytest.approx(395 * 2.0)

    def test_what_was_slow_long_ago_is_forgotten(self, tick):
        clock = Clock(Schedule())
        clock.start()
        tick(1000.0)
        clock.step(SMALL)
        for _ in range(2000):
            tick(1.0)
            clock.step(SMALL)

        assert clock.seconds_left(590) == pytest.approx(10 * 0.1 + 400 * 0.4, rel=1e-3)


class TestCurves:
    def test_means_leave_out_steps_without_a_value_and_what_is_no_number(self):
        curves = Curves()
        values = [1.0, float("nan"), 3.0]
        for number, value in enumerate(values):
            seldom = torch.tensor(7.0) if number == 1 else None
            curves.add({"loss": torch.tensor(value), "seldom": seldom}, images=4)

        assert (curves.steps, curves.images) == (3, 12)
        assert curves.finish() == {"loss": 2.0, "seldom": 7.0, "skipped_steps": 0.0}
        assert (curves.steps, curves.images) == (0, 0)

    def test_windows_longer_than_what_is_kept_one_by_one(self):
        curves = Curves()
        for number in range(3 * FOLD_EVERY + 5):
            curves.add({"loss": torch.tensor(float(number))}, images=1)

        assert curves.finish()["loss"] == pytest.approx((3 * FOLD_EVERY + 4) / 2)

    def test_skipped_steps_are_summed_per_window_in_all_and_in_a_row(self):
        curves = Curves(skipped_in_all=10, skipped_in_a_row=1)
        for flag in (1.0, 0.0, 1.0, 1.0):
            curves.add({"skipped_steps": torch.tensor(flag)}, images=1)

        assert curves.finish()["skipped_steps"] == 3
        assert (curves.skipped_in_all, curves.skipped_in_a_row) == (13, 2)
        assert curves.finish()["skipped_steps"] == 0
