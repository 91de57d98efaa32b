"""Measuring a synthetic dataset against real images: job, record, pages. The numbers: `generation.gan.measures`."""
