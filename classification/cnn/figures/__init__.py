"""Figures of classifiers for publications, as SVG, PDF and PNG, from the records of measures and of sweeps."""
