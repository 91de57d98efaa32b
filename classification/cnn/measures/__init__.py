"""Measures of a trained classifier on a test set, with confidence intervals, comparisons of classifiers, and figures.

Every record names the positive class. What has no value is NaN and `reason` says why; nothing here ends an experiment.
Intervals and tests that readers need as well come from `turing.stats`.
"""
