"""Generators: training runs, checkpoints and samples, around the pure PyTorch package `generation.gan`."""
