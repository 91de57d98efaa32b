"""The site with the recording of answers switched off, for `reading_load.py --audit-cost` and nothing else."""

from config.wsgi import application
from turing.reading import recording

assert callable(recording.record_event)
recording.record_event = lambda **_event: None

__all__ = ["application"]
