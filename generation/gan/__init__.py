"""Generators in pure PyTorch: networks, training loop, checkpoints, sampling. Imports no Django and no other app.

`registry` knows generators by name. Importing the package registers the configurations of those that come with the
product; PyTorch itself is loaded when a network is first made, so that web pages need not wait for it.
"""

from generation.gan import config, pggan_config, stylegan2_config

__all__ = ["config", "pggan_config", "stylegan2_config"]
