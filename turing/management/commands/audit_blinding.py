"""`manage.py audit_blinding`: could readers tell real from synthetic without looking at the pictures?"""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from config.projects.commands import ProjectCommand
from turing.errors import StudyError
from turing.selectors import find_study
from turing.services import audit_blinding


class Command(ProjectCommand):
    help = (
        "Run the leak audit of a draft (without opening it) or of an open study. Changes nothing. "
        "Exit status 1 when it blocks."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="id or name")
        parser.add_argument("--json", action="store_true", help="the whole report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = find_study(options["study"])
            report = audit_blinding(study=study)
        except StudyError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        else:
            self._print(str(study), report)
        if report["blocked"]:
            sys.exit(1)

    def _print(self, name: str, report: dict[str, Any]) -> None:
        self.stdout.write(f"“{name}”: {report['n_real']} real and {report['n_synthetic']} synthetic images.")
        for feature in report["features"]:
            mark = "BLOCKS" if feature["blocks"] else ""
            interval = f"({feature['low']:.2f} to {feature['high']:.2f})"
            self.stdout.write(f"  {feature['statistic']:<24} AUC {feature['auc']:.2f} {interval} {mark}".rstrip())
        for reason in report["reasons"]:
            self.stdout.write(reason)
        verdict = "Blocked" if report["blocked"] else "Nothing tells the sides apart better than the limit allows"
        self.stdout.write(f"{verdict} (limit: AUC {report['limit']:.2f}).")
