"""Screening: a person leaves out images with devices, wires or artefacts, in the order of a classifier's score."""
