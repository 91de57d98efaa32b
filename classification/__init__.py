"""Classifiers and experiments with them: does synthetic data help, and how much of it?"""
