"""Figures of reports from plain numbers: each function takes what is to be shown and returns a `Figure` with its data
and an alternative text that is written from these data.
"""
