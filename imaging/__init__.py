"""Images as data: intake, content-addressed storage, datasets, and the one rendering path."""
