"""`manage.py import_from_pacs --modality DX --name NAME`: images from a PACS over DICOMweb, without a worker."""

from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from config.projects.commands import ProjectCommand
from imaging.intake.importing import ImportRefusedError
from imaging.intake.pacs import Pacs, PacsError, PacsQuery, parse_dates
from imaging.intake.preparing import AS_IT_IS, CROP, PAD
from imaging.intake.retrieving import UNLABELLED, RetrieveParameters, pacs_access, run_retrieval
from imaging.management.terminal import print_report, run_here
from worker.registry import JobError


class Command(ProjectCommand):
    help = (
        "Import images from a PACS (DICOMweb). The account comes from the environment: DICOMWEB_USER and "
        "DICOMWEB_PASSWORD, or DICOMWEB_TOKEN. Broken off, it goes on where it stopped when it is started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="", help="of the PACS, https://...; else DICOMWEB_URL of the environment")
        parser.add_argument("--study-date", default="", help="2024-01-31, or 2024-01-01..2024-03-31")
        parser.add_argument("--modality", default="", help="DX, CR, ...")
        parser.add_argument("--body-part", default="", help="CHEST, SKULL, ...")
        parser.add_argument("--count", action="store_true", help="say how many images match, and retrieve nothing")
        parser.add_argument("--name", default="", help="name of the new dataset")
        parser.add_argument("--label", default=UNLABELLED, help="class of all images")
        parser.add_argument("--skip-bad", action="store_true", help="leave out images with problems")
        parser.add_argument(
            "--bits", type=int, choices=[8, 16], default=AS_IT_IS, help="16: where there are more than 8"
        )
        parser.add_argument("--target-size", type=int, default=AS_IT_IS, help="side in pixels, such as 1024")
        parser.add_argument("--fit", choices=[CROP, PAD], default=CROP, help="of what is not square")
        parser.add_argument("--licence", default="")
        parser.add_argument("--citation", default="")
        parser.add_argument("--description", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=self.stdout)  # type: ignore[arg-type]
        try:
            query = PacsQuery(
                study_date=parse_dates(options["study_date"]),
                modality=options["modality"].upper(),
                body_part=options["body_part"].upper(),
            )
            access = pacs_access(options["url"])
            if options["count"]:
                console.print(f"{len(Pacs(access).find(query)):,} images match {query}.")
                return
            if not options["name"].strip():
                raise CommandError("Name the new dataset with --name, or ask how many images there are with --count.")
            parameters = RetrieveParameters(
                study_date=query.study_date,
                modality=query.modality,
                body_part=query.body_part,
                dataset_name=options["name"],
                size=options["target_size"],
                bits=options["bits"],
                fit=options["fit"],
                **{key: options[key] for key in ("label", "skip_bad", "licence", "citation", "description")},
            )
        except (ValueError, PacsError) as error:
            raise CommandError(str(error)) from error
        try:
            result = run_here(console, partial(run_retrieval, parameters=parameters, access=access))
        except ImportRefusedError as error:
            print_report(console, error.result, options["name"])
            raise CommandError(str(error)) from error
        except JobError as error:
            raise CommandError(str(error)) from error
        print_report(console, result, options["name"])
