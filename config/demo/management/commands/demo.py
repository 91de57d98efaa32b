"""`manage.py demo`: the site on this machine with the whole loop done once. `make demo` calls it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from rich.console import Console
from rich.panel import Panel

from config.demo.accounts import DemoAccount, demo_accounts
from config.demo.loop import DemoError, Source, run_demo
from config.supervisor import Supervisor, SupervisorError
from turing.models import Study


class Command(BaseCommand):
    help = (
        "Run the whole loop on phantoms, or on your own images, and leave the site up. "
        "Example: manage.py demo --data scans.zip"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, help="folder or ZIP with one folder per class (default: phantoms)")
        parser.add_argument("--skip-bad", action="store_true", help="import the good files when some are bad")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--exit", action="store_true", help="stop when the loop is done instead of staying up")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console()
        data: Path | None = options["data"]
        if data is not None and not data.exists():
            raise CommandError(
                f"DATA: there is no file or folder {data}. Give a ZIP, or a folder with one folder per class."
            )
        source = Source(path=data.resolve() if data else None, skip_bad=options["skip_bad"])
        try:
            with Supervisor(options["host"], options["port"]) as supervisor:
                self._run(source, supervisor, console, stay=not options["exit"])
        except (DemoError, SupervisorError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            console.print("Stopped. What was done is kept: the same command goes on from here.")

    def _run(self, source: Source, supervisor: Supervisor, console: Console, *, stay: bool) -> None:
        console.print(f"[green]✓[/] The site is up: {supervisor.address}")
        accounts = demo_accounts()
        study, example = run_demo(
            source=source,
            investigator=accounts["investigator"].user,
            reader=accounts["reader"].user,
            console=console,
        )
        self._print_summary(console, supervisor.address, accounts, study, example)
        if stay:
            supervisor.wait()
            console.print("Stopping ...")

    def _print_summary(
        self, console: Console, address: str, accounts: dict[str, DemoAccount], study: Study, example: Study
    ) -> None:
        lines = [f"[bold]{address}[/]", ""]
        for name, account in accounts.items():
            password = account.password or "(changed: the one you set)"
            lines.append(f"{name:<13} password [bold]{password}[/]")
        lines += [
            "",
            f"As reader: read the study “{study.name}”.",
            "As investigator: see the datasets, the generator, and the results of",
            f"“{example.name}”.",
            "",
            "The generator was trained for a demonstration length of minutes; a real training takes 30,000 iterations.",
            "Ctrl-C stops everything. Run the same command again to go on where you left off.",
        ]
        console.print(Panel("\n".join(lines), title="Turing Reader", expand=False))
