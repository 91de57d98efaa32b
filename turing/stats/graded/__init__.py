"""Graded answers: ROC curves of readers (empirical, binormal, partial areas), DeLong's comparisons, areas averaged over
random readers and images (U-statistics; Obuchowski and Rockette), and calibration of stated confidence."""

from turing.stats.graded.binormal import BinormalFit, fit_binormal
from turing.stats.graded.calibration import Calibration, ReliabilityBin, calibration
from turing.stats.graded.clustered import clustered_area, clustered_covariance, compare_clustered_areas
from turing.stats.graded.curve import PartialArea, RocCurve, partial_area, roc_curve
from turing.stats.graded.delong import AreaComparison, compare_areas, compare_paired_areas, delong_covariance
from turing.stats.graded.obuchowski_rockette import ObuchowskiRockette, combine_readers, obuchowski_rockette
from turing.stats.graded.reader_average import Components, ReaderAverage, average_area, average_share

__all__ = [
    "AreaComparison",
    "BinormalFit",
    "Calibration",
    "Components",
    "ObuchowskiRockette",
    "PartialArea",
    "ReaderAverage",
    "ReliabilityBin",
    "RocCurve",
    "average_area",
    "average_share",
    "calibration",
    "clustered_area",
    "clustered_covariance",
    "combine_readers",
    "compare_areas",
    "compare_clustered_areas",
    "compare_paired_areas",
    "delong_covariance",
    "fit_binormal",
    "obuchowski_rockette",
    "partial_area",
    "roc_curve",
]
