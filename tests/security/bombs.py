"""Imports each file of a folder in a process of little memory: `python -m tests.security.bombs FOLDER`.

Prints, for each file, "NAME<tab>refused: REASON" or "NAME<tab>taken". A process that needs more memory than its limit
ends with an error instead.
"""

import resource
import sys
from pathlib import Path

ROOM = 1536 * 2**20  # bytes of address space above what the loaded program has


def main(folder: Path) -> None:
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from imaging.intake.foreground import ForegroundContext
    from imaging.intake.importing import ImportRefusedError, run_import
    from imaging.intake.parameters import ImportParameters

    call_command("migrate", verbosity=0, interactive=False)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    for path in sorted(folder.iterdir()):
        directory = folder.parent / f"job-{path.stem}"
        directory.mkdir()
        parameters = ImportParameters(source=str(path), dataset_name=path.stem, folders="anything", one_class="normal")
        try:
            run_import(ForegroundContext(directory=directory, on_progress=lambda *_: None), parameters)
        except ImportRefusedError as refusal:
            problems = refusal.result["problems"]
            sys.stdout.write(f"{path.stem}\trefused: {problems[0]['reason'] if problems else refusal}\n")
        else:
            sys.stdout.write(f"{path.stem}\ttaken\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
