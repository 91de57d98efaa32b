"""What an analysis is told beside the answers. Declared before the answers are looked at, printed with the results."""

import math
from dataclasses import dataclass

# where the margin comes from; empty: not known, as of answers that were collected elsewhere
DECLARED, CHOSEN_AFTERWARDS = (
    "declared in the protocol",
    "chosen after the data were seen, not declared in the protocol",
)
FEWEST_BOOTSTRAPS, MOST_BOOTSTRAPS = 100, 100_000


@dataclass(frozen=True)
class AnalysisOptions:
    """Settings of `analyse`, checked when made.

    Raises
    ------
    ValueError : a value out of range; the message names the setting, the value and the range.
    """

    confidence: float = 0.95  # of every interval, in (0, 1)
    # equivalence margin around an accuracy of 0.5, in (0, 0.5): 0.1 means 40 % to 60 %; None: no claim of equivalence
    margin: float | None = 0.1
    margin_origin: str = ""  # DECLARED or CHOSEN_AFTERWARDS: printed wherever the margin is; empty: not known
    seed: int = 20230213  # of everything drawn at random, >= 0; the same seed gives the same numbers
    n_bootstrap: int = 1000  # studies simulated for a small-sample interval, where it needs a simulation
    n_bootstrap_kappa: int = 2000  # draws of images for the bootstrap of kappa
    min_seconds: float | None = None  # a shorter reading time is an outlier; None: no rule
    max_seconds: float | None = None  # a longer one is
    mad_factor: float | None = None  # so is one this many scaled MADs from the reader's own median of log(t + 1)
    small_sample: bool = True  # compute the small-sample interval of the odds ratio beside Wald's
    models: tuple[str, ...] = ()  # further mixed models, such as "correct ~ experience * position"; see `formulas`

    def __post_init__(self) -> None:
        _refuse(not 0 < self.confidence < 1, "confidence", self.confidence, "a number between 0 and 1, such as 0.95")
        bad_margin = self.margin is not None and not 0 < self.margin < 0.5
        _refuse(bad_margin, "margin", self.margin, "a number between 0 and 0.5, such as 0.1")
        origins = ("", DECLARED, CHOSEN_AFTERWARDS)
        _refuse(self.margin_origin not in origins, "margin_origin", self.margin_origin, f"one of {origins}")
        _refuse(not _is_count(self.seed, 0, 2**63 - 1), "seed", self.seed, "a whole number from 0")
        for name in ("n_bootstrap", "n_bootstrap_kappa"):
            value = getattr(self, name)
            allowed = f"a whole number from {FEWEST_BOOTSTRAPS} to {MOST_BOOTSTRAPS}"
            _refuse(not _is_count(value, FEWEST_BOOTSTRAPS, MOST_BOOTSTRAPS), name, value, allowed)
        for name in ("min_seconds", "max_seconds"):
            value = getattr(self, name)
            bad = value is not None and not (math.isfinite(value) and value >= 0)
            _refuse(bad, name, value, "a number of seconds from 0, or nothing for no rule")
        mad = self.mad_factor
        bad_mad = mad is not None and not (math.isfinite(mad) and mad > 0)
        _refuse(bad_mad, "mad_factor", mad, "a number above 0, such as 3.5, or nothing for no rule")
        if self.min_seconds is not None and self.max_seconds is not None and self.min_seconds >= self.max_seconds:
            raise ValueError(
                f"min_seconds = {self.min_seconds:g} must be below max_seconds = {self.max_seconds:g}: else every "
                "time is an outlier"
            )


def _refuse(bad: bool, name: str, value: object, allowed: str) -> None:
    if bad:
        raise ValueError(f"{name} = {value} is out of range: it must be {allowed}")


def _is_count(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
