"""Mixed-effect models of reader studies with crossed random intercepts of images and readers: logistic (Laplace) and
linear (REML), for these two grouping factors and no others. numpy and scipy only."""

from turing.stats.mixed.intervals import Bootstrap, Interval, bootstrap_coefficient, profile_interval, simulate_answers
from turing.stats.mixed.linear import LinearCoefficient, LinearFit, fit_linear
from turing.stats.mixed.logistic import LogisticFit, LogisticModel, OddsCoefficient, fit_logistic
from turing.stats.mixed.remarks import Remark

__all__ = [
    "Bootstrap",
    "Interval",
    "LinearCoefficient",
    "LinearFit",
    "LogisticFit",
    "LogisticModel",
    "OddsCoefficient",
    "Remark",
    "bootstrap_coefficient",
    "fit_linear",
    "fit_logistic",
    "profile_interval",
    "simulate_answers",
]
