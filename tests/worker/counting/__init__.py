"""A Django app with a job kind for tests only, loaded through EXTRA_APPS."""
