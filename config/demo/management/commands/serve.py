"""`manage.py serve`: the whole site on this machine, until Ctrl-C."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.accounts.models import User
from config.supervisor import Supervisor, SupervisorError


class Command(BaseCommand):
    help = "Run the site: web server, workers and, unless REDIS_URL names one, a broker. Ctrl-C stops all of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for every network card (set ALLOWED_HOSTS)")
        parser.add_argument("--port", type=int, default=8000, help="the first port to try")
        parser.add_argument("--no-web", action="store_true", help="only the workers (and the broker)")
        parser.add_argument("--light-workers", type=int, default=1, help="imports and samplings at the same time")

    def handle(self, *args: Any, host: str, port: int, no_web: bool, light_workers: int, **options: Any) -> None:
        supervisor = Supervisor(host, port, web=not no_web, light_workers=light_workers)
        try:
            with supervisor:
                self._greet(supervisor)
                supervisor.wait()
                self.stdout.write("Stopping …")
        except SupervisorError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:  # while it was starting
            pass
        self.stdout.write("Stopped.")

    def _greet(self, supervisor: Supervisor) -> None:
        if supervisor.web:
            self.stdout.write(self.style.SUCCESS(f"Turing Reader is up: {supervisor.address}"))
            if not User.objects.filter(is_active=True).exists():
                self.stdout.write("There is no account yet. In another terminal, with the same DATA_DIR:")
                self.stdout.write("    manage.py create_user NAME --role investigator")
        else:
            self.stdout.write(self.style.SUCCESS("The workers are up."))
        self.stdout.write(f"Logs: {settings.DATA_DIR / 'logs'}. Ctrl-C stops everything.")
        self.stdout.flush()  # into a file or a pipe it would wait for more
