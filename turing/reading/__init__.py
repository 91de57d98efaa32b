"""Everything that is served to readers. Never imports truth, images, generators, results or statistics."""
