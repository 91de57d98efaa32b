"""Time and queries of every list page with 100,000 images, against the same pages with 1,000 (the baseline).

`python benchmarks/lists.py [--images 100000] [--database postgresql]` from the root of the project. Makes a database of
its own in a temporary folder: one dataset that has nine tenths of the images, the others in small ones, with studies,
runs, experiments and jobs in proportion. Each page is fetched through the whole of Django (middleware, permissions,
templates) in this process; the median of five is printed with the number of queries, at both sizes, and the ratio.
On SQLite times are those of the
processor, since the machine may be shared; on PostgreSQL, a server of its own, those of the clock.
Pictures are not there: a page names their addresses only. Wanted: below 300 ms, and the same number of queries.
"""

import argparse
import contextlib
import os
import platform
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
WANTED_MS = 300
TURNS = 5
SMALL = 1000  # images of the baseline


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and queries of list pages.")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="turing-benchmark-"))
        url = ""
        if options.database == "postgresql":
            from benchmarks.reading_load import own_postgresql

            url = stack.enter_context(own_postgresql())
        os.environ.update(
            DATA_DIR=folder,
            DATABASE_URL=url,
            SECRET_KEY=secrets.token_urlsafe(40),
            DEBUG="false",
            ALLOWED_HOSTS="testserver",
            DJANGO_SETTINGS_MODULE="config.settings",
        )
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        run(options.images)


def run(images: int) -> None:
    from django.db import connection
    from django.test import Client

    from config.accounts.models import User

    client = Client(headers={"X-Forwarded-Proto": "https"})
    client.force_login(User.objects.create_user("bench", password=None, role=User.Role.INVESTIGATOR))
    library = Library()
    library.fill(SMALL)
    before = measure(client, library)
    library.fill(images)
    after = measure(client, library)
    print(f"{platform.machine()}, Python {platform.python_version()}, {connection.vendor}; {images:,} images")
    print(f"{'page':34} {SMALL:>8,} {images:>10,}   ratio   queries")
    for name, (slow, queries) in after.items():
        quick, queries_before = before[name]
        note = "" if slow < WANTED_MS else "  SLOW"
        note += "" if queries == queries_before else f"  QUERIES {queries_before} -> {queries}"
        print(f"{name:34} {quick:5.0f} ms {slow:7.0f} ms   {slow / quick:5.2f}   {queries:7}{note}")


class Library:
    """Rows as an import, a study, a run make them; grows to a number of images."""

    def __init__(self) -> None:
        from imaging.models import Dataset

        self.count = self.n_datasets = 0
        self.large = Dataset.objects.create(name="Large", origin="real")
        self.made = Dataset.objects.create(name="Made", origin="synthetic")

    def fill(self, images: int) -> None:
        from django.db import connection

        from imaging.models import Dataset

        in_large = images * 9 // 10
        self._images(self.large, self.count * 9 // 10, in_large)
        begin, end = self.n_datasets, images // 500
        small = [Dataset(name=f"Small {n}", origin="real") for n in range(begin, end)]
        Dataset.objects.bulk_create(small)
        share = (images - self.count) // 10 // max(1, len(small))
        for place, dataset in enumerate(small):
            self._images(dataset, 10**7 + (begin + place) * 1000, 10**7 + (begin + place) * 1000 + share)
        self._others(images // 500)
        self.count, self.n_datasets = images, end
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def _images(self, dataset: Any, begin: int, end: int) -> None:
        from imaging.models import Image

        rows = (
            Image(
                dataset=dataset,
                pixel_sha256=f"{n:064x}",
                width=1024,
                height=1024,
                bit_depth=8,
                label=("normal", "pneumonia", "effusion")[n % 3],
                split=("train", "train", "tune", "test")[n // 3 % 4],
                patient_pseudonym=f"P{n // 3:015d}",
                age_years=float(n % 90),
                sex="FM"[n % 2],
                view_position=("PA", "AP", "LL")[n // 7 % 3],
                manufacturer=("GE Healthcare", "Philips", "Siemens", "")[n // 11 % 4],
                modality=("DX", "CR")[n // 13 % 2],
                body_part="CHEST" if n % 50 else "THORAX",
            )
            for n in range(begin, end)
        )
        Image.objects.bulk_create(rows, batch_size=2000)

    def _others(self, wanted: int) -> None:
        from classification.cnn.config import ClassifierConfig, SweepSettings
        from classification.models import Experiment
        from generation.gan.config import AcganConfig
        from generation.models import TrainingRun
        from turing.models import Study
        from worker.models import Job

        for n in range(Job.objects.count() // 10, wanted):
            jobs = Job.objects.bulk_create(
                Job(kind="imaging.remove", title=f"Job {n}, {i}", state="succeeded") for i in range(10)
            )
            TrainingRun.objects.create(
                name=f"Run {n}", generator="acgan", dataset=self.large, classes=["normal"],
                config=AcganConfig().to_dict(), job=jobs[0],
            )  # fmt: skip
            Experiment.objects.create(
                name=f"Experiment {n}", kind="kong", dataset=self.large, synthetic=self.made, classes=["a", "b"],
                positive="a", config=ClassifierConfig().to_dict(), design=SweepSettings().to_dict(),
                weights={"kind": "none"}, job=jobs[1],
            )  # fmt: skip
            Study.objects.create(
                name=f"Study {n}", real_dataset=self.large, synthetic_dataset=self.made, n_real=1, n_synthetic=1,
                seed=1, image_size=256,
            )  # fmt: skip


def measure(client: Any, library: Library) -> dict[str, tuple[float, int]]:
    """Page -> milliseconds (median), queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    # SQLite computes in this process, whose own time does not depend on what else the machine does
    clock = time.process_time if connection.vendor == "sqlite" else time.perf_counter
    found = {}
    for name, address in addresses(library).items():
        answer = client.get(address, secure=True)  # what the first request alone pays is not measured
        assert answer.status_code == 200, (name, answer.status_code)
        with CaptureQueriesContext(connection) as context:
            client.get(address, secure=True)
            queries = len(context)
        times = []
        for _ in range(TURNS):
            begin = clock()
            client.get(address, secure=True)
            times.append(1000 * (clock() - begin))
        found[name] = (statistics.median(times), queries)
    return found


def addresses(library: Library) -> dict[str, str]:
    from django.urls import reverse

    grid = library.large.get_absolute_url()
    rows = library.large.images.order_by("created_at", "id")
    last = rows.count() // 60
    image = reverse("imaging:image_detail", args=[rows[rows.count() // 2].pk])
    filters = {
        "class": "labels=normal",
        "split": "splits=test",
        "sex": "sex=F",
        "age": "age_min=40&age_max=50",
        "view": "view_positions=LL",
        "manufacturer": "manufacturers=Philips",
        "modality": "modalities=CR",
        "body part (1 of 50)": "body_parts=THORAX",
        "five at once": "labels=normal&splits=test&sex=F&view_positions=PA&manufacturers=Siemens",
    }
    return {
        "datasets": reverse("imaging:dataset_list"),
        "grid": grid,
        "grid, last page": f"{grid}?page={last}",
        **{f"grid, {name}": f"{grid}?{query}" for name, query in filters.items()},
        "image": image,
        "image, with a filter": f"{image}?splits=train&splits=tune&splits=test",
        "card": reverse("imaging:dataset_card", args=[library.large.pk]),
        "duplicates": reverse("imaging:dataset_duplicates", args=[library.large.pk]),
        "versions": reverse("imaging:dataset_versions", args=[library.large.pk]),
        "deletion": reverse("imaging:dataset_delete", args=[library.large.pk]),
        "deleted": reverse("imaging:deleted_list"),
        "studies": reverse("turing:study_list"),
        "runs": reverse("generation:run_list"),
        "experiments": reverse("classification:experiment_list"),
        "jobs": reverse("worker:job_list"),
        "home": reverse("home"),
    }


if __name__ == "__main__":
    main()
