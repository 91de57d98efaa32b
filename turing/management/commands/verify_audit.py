"""`manage.py verify_audit`: is the record what it was when it was written?"""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from turing.audit.verification import Verification, verify_audit


def noted_event(text: str) -> tuple[int, str]:
    sequence, _, sha256 = text.partition(":")
    if not sequence.isdecimal() or len(sha256) != 64:
        raise ArgumentTypeError(f"“{text}” is not SEQUENCE:HASH as this command prints it")
    return int(sequence), sha256


class Command(BaseCommand):
    help = (
        "Check the audit chain, and that answers, trials, their truth, studies, invitations, sessions and stimulus "
        "files are what it says. Exit status 1 when anything differs, naming table, row and field."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="the whole report as JSON")
        parser.add_argument(
            "--expect", type=noted_event, metavar="SEQUENCE:HASH", help="an event that you noted down: it must be there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = verify_audit(noted=options["expect"])
        if options["json"]:
            self.stdout.write(json.dumps({"is_whole": found.is_whole, **asdict(found)}, indent=2, ensure_ascii=False))
        else:
            self._print(found)
        if not found.is_whole:
            sys.exit(1)

    def _print(self, found: Verification) -> None:
        for problem in found.problems:
            self.stdout.write(str(problem))
        rows = ", ".join(f"{number} {table}" for table, number in found.n_rows.items() if number)
        self.stdout.write(f"Checked {found.n_events} events, {found.n_files} stimulus files; rows: {rows or 'none'}.")
        if not found.is_whole:
            self.stdout.write(f"{len(found.problems)} problem(s): the record was changed behind the program's back.")
            return
        self.stdout.write("The record is whole.")
        if found.n_events:
            self.stdout.write(f"Note this down outside this installation: {found.n_events}:{found.head}")
