"""Scores: any classifier applied to the images of a closed study or of a dataset, and what they say."""
