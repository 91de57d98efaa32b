"""An app for the site of a test: its process kills itself with SIGKILL in the middle of storing rows, once."""
