"""The leak audit: could a reader tell real from synthetic without looking at the picture? Pure numerics, no Django."""
