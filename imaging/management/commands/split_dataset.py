"""`manage.py split_dataset NAME`: train, tune and test, as the dataset's page does it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from config.projects.commands import ProjectCommand
from imaging.models import Dataset
from imaging.selectors import split_counts
from imaging.services import split_dataset


class Command(ProjectCommand):
    help = (
        "Say of each image of a dataset whether it trains, tunes or tests: stratified by class, all images of a "
        "patient in one split. Example: manage.py split_dataset Sinuses --train 70 --tune 10 --test 20"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", help="name of the dataset")
        parser.add_argument("--train", type=float, default=70, help="percent (70)")
        parser.add_argument("--tune", type=float, default=10, help="percent (10)")
        parser.add_argument("--test", type=float, default=20, help="percent (20); 0 with --keep-test")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--keep-test", action="store_true", help="the test images that there are stay so")

    def handle(self, *args: Any, **options: Any) -> None:
        dataset = Dataset.objects.filter(name=options["dataset"]).first()
        if dataset is None:
            known = ", ".join(f"“{name}”" for name in Dataset.objects.values_list("name", flat=True)[:20])
            raise CommandError(f"There is no dataset “{options['dataset']}”. There are: {known or 'none'}.")
        shares = {split: options[split] / 100 for split in ("train", "tune", "test")}
        try:
            split_dataset(dataset=dataset, shares=shares, seed=options["seed"], keep_test=options["keep_test"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        for split, classes in split_counts(dataset).items():
            for one in classes:
                self.stdout.write(f"{split or 'none'}: {one.label} {one.images} images, {one.patients} patients")
