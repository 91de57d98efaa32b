"""Regions of interest: experts draw and label them, their agreement is measured, crops become a dataset (Kong 2022)."""
