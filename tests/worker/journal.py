"""Reads what the counting job of tests.worker.counting wrote about itself."""

import json
from pathlib import Path
from typing import Any


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def events(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    @property
    def steps(self) -> list[int]:
        return [event["step"] for event in self.events if event["event"] == "step"]

    @property
    def processes(self) -> list[int]:
        """Process ids in the order in which they started."""
        return [event["pid"] for event in self.events if event["event"] == "start"]

    def overlaps(self) -> bool:
        """True when two processes worked at the same time: the turn goes back to one that was seen before."""
        turns = [event["process"] for event in self.events]
        changes = [pid for n, pid in enumerate(turns) if n == 0 or turns[n - 1] != pid]
        return len(changes) != len(set(changes))
