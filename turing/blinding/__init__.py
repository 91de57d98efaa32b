"""The leak audit: could a reader tell real from synthetic without looking at the picture? Pure numerics, no Django."""

DEFAULT_LIMIT = 0.75  # AUC
DEFAULT_ALPHA = 0.01  # family-wise error over all statistics
