"""The replication bundle: everything with which others get the same numbers without this program."""
