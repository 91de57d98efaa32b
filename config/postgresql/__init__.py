"""Django's PostgreSQL backend that refuses servers which this site is not tested with."""
