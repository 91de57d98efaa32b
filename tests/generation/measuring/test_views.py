"""Pages of measurements: who opens them, what they show, what the form starts."""

import csv
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generation.measuring.parameters import MEASURE
from generation.measuring.summary import number
from imaging.models import Dataset, DatasetReport
from imaging.reports import record_report, report_folder
from tests.factories import CheckpointFactory, DatasetFactory, ImageFactory, TrainingRunFactory
from worker.models import Job

FLOOR = {"n": 9, "splits": 2, "floor": 1.0, "floor_low": 0.5, "floor_high": 1.5}
SYNTHETIC = {"synthetic": 4.0, "synthetic_low": 3.0, "synthetic_high": 5.0}


def make_values(synthetic: Dataset, training: Dataset) -> dict:
    """As a measurement stores them."""
    measures = [
        {"key": key, "title": key.upper(), "value": 12.5, "details": {"sd": 0.25}, "floor": {**FLOOR, **SYNTHETIC}}
        for key in ("fid", "kid", "precision", "recall", "mifid")
    ]
    memorisation = {
        "n_flagged": 2, "n": 30, "share": 2 / 30, "low": 0.008, "high": 0.22, "multiple": 6.67, "level": 0.01,
        "threshold": 0.5, "reference": "held_out", "n_reference": 120, "median_distance": 1.0, "median_reference": 1.1,
    }  # fmt: skip
    part = {"mean": 0.4, "sd": 0.1, "low": 0.3, "high": 0.5, "n_pairs": 5, "n_images": 20}
    return {
        "measures": measures,
        "memorisation": memorisation,
        "memorisation_pictures": {**memorisation, "n_flagged": 7},
        "headline": "kid", "n_training": 20, "n_synthetic": 30,
        "n_held_out": 120, "n_without_patient": 0, "settings": {"floor_splits": 2},
        "ms_ssim": [{"label": "normal", "variant": "3 scales at 56 px", "synthetic": part, "real": part}],
        "extractor": {"name": "it", "title": "The extractor", "weights_sha256": "f" * 64, "is_random": False,
                      "n_features": 1024, "input_side": 224},
        "images": {"synthetic": {"id": str(synthetic.pk), "name": synthetic.name, "filters": "all images", "n": 30},
                   "training": {"id": str(training.pk), "name": training.name, "filters": "all images", "n": 20},
                   "held_out": None, "held_out_left_out": 0, "pixel_copies": 0, "side": 56},
        "summary": ["Found."],
    }  # fmt: skip


@pytest.fixture
def training(db) -> Dataset:
    dataset = DatasetFactory(name="Real ones")
    ImageFactory.create_batch(22, dataset=dataset)
    return dataset


@pytest.fixture
def synthetic(db) -> Dataset:
    dataset = DatasetFactory(name="Made ones", origin=Dataset.Origin.SYNTHETIC)
    ImageFactory.create_batch(15, dataset=dataset)
    return dataset


def make_report(synthetic: Dataset, training: Dataset, *, pairs: int = 15) -> DatasetReport:
    key = uuid.uuid4()
    report_folder(key).mkdir(parents=True)
    columns = ("rank", "synthetic", "label", "nearest_training", "distance", "suspicion", "flagged")
    real = training.images.first()
    with (report_folder(key) / "memorisation.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for rank, image in enumerate(synthetic.images.all()[:pairs], start=1):
            row = (
                rank,
                f"I{image.pixel_sha256}",
                "normal",
                f"I{real.pixel_sha256}",
                rank / 100,
                rank / 121,
                int(rank < 3),
            )
            writer.writerow(row)
    return record_report(
        pk=key, dataset=synthetic, kind=MEASURE, title="Measures", values=make_values(synthetic, training),
        files=["memorisation.csv"], created_by=None,
    )  # fmt: skip


@pytest.fixture
def report(synthetic, training) -> DatasetReport:
    return make_report(synthetic, training)


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


class TestTable:
    def test_every_measure_beside_its_floor_the_one_to_quote_first(self, investigator_client, report):
        page = text_of(investigator_client.get(reverse("generation:measure_detail", args=[report.pk])))

        assert page.index("KID <br>") < page.index("FID") < page.index("PRECISION")
        assert page.count("The one to quote here") == 1
        assert "0.5 to 1.5" in page
        assert "SD of subsets 0.25" in page
        assert "f" * 64 in page
        assert "0.400" in page
        assert "3 scales at 56 px" in page
        assert "<strong>2 of 30</strong>" in page
        assert "6.7 times" in page
        assert "random weights" not in page
        assert f'{reverse("generation:measure_pairs", args=[report.pk])}?by=pictures">7 of 30</a>' in page

    def test_an_unknown_one_or_another_kind_is_not_found(self, investigator_client, report):
        DatasetReport.objects.update(kind="other")
        for name in ("measure_detail", "measure_pairs"):
            assert investigator_client.get(reverse(f"generation:{name}", args=[report.pk])).status_code == 404


class TestPairs:
    def test_the_most_suspicious_first_in_pages(self, investigator_client, report, synthetic, training):
        address = reverse("generation:measure_pairs", args=[report.pk])
        real = training.images.first()

        first, second = (text_of(investigator_client.get(f"{address}?page={page}")) for page in (1, 2))

        assert first.count("tr-pair tr-pair-flagged") == first.count("Flagged</span>") == 2
        assert (first.count("loading="), second.count("loading=")) == (24, 6)
        assert reverse("imaging:image_thumbnail", args=[real.pk]) in first
        assert "p 0.0083" in first

    def test_flagged_only(self, investigator_client, report):
        page = text_of(investigator_client.get(reverse("generation:measure_pairs", args=[report.pk]) + "?show=flagged"))
        assert page.count("loading=") == 4

    def test_an_image_that_was_removed_is_said(self, investigator_client, report, training):
        training.images.all().delete()
        page = text_of(investigator_client.get(reverse("generation:measure_pairs", args=[report.pk])))
        assert "The training image was removed" in page

    def test_the_number_of_queries_does_not_grow_with_pairs(self, investigator_client, synthetic, training):
        counts = []
        for pairs in (1, 12):
            address = reverse("generation:measure_pairs", args=[make_report(synthetic, training, pairs=pairs).pk])
            with CaptureQueriesContext(
                connection,
            ) as queries:
                investigator_client.get(address)
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestFiles:
    def test_a_file_is_downloaded(self, investigator_client, report):
        response = investigator_client.get(reverse("generation:measure_file", args=[report.pk, "memorisation.csv"]))
        assert b"".join(response).startswith(b"rank,synthetic")
        assert response["Content-Disposition"] == 'attachment; filename="made-ones-memorisation.csv"'

    def test_nothing_else_is(self, investigator_client, report):
        (report_folder(report.pk) / "other.csv").write_text("secret")
        for name in ("other.csv", "measures.json", ".."):
            address = reverse("generation:measure_file", args=[report.pk, name])
            assert investigator_client.get(address).status_code == 404


class TestForm:
    def start(self, client, synthetic, **values):
        data = {"device": "cpu", "pairs_per_class": 100, "neighbours": 3, "kid_subsets": 100, "kid_subset_size": 1000,
                "most_neighbour_images": 10000, "floor_splits": 5, "suspicion": 0.01, "seed": 0, **values}  # fmt: skip
        return client.post(reverse("generation:dataset_measures", args=[synthetic.pk]), data)

    def test_starts_a_job_with_every_choice(self, investigator_client, synthetic, training):
        response = self.start(
            investigator_client, synthetic, training=training.pk, training_splits=["train", ""], suspicion=0.05,
            held_out=training.pk, held_out_splits=["test"],
        )  # fmt: skip

        assert response.status_code == 200  # no image of these splits: refused in words
        assert "has 22 images" not in text_of(response)
        ImageFactory.create_batch(1, dataset=training, split="test")
        response = self.start(
            investigator_client, synthetic, training=training.pk, training_splits=[""], suspicion=0.05,
            held_out=training.pk, held_out_splits=["test"],
        )  # fmt: skip
        assert response.status_code == 302
        parameters = Job.objects.get().parameters
        assert parameters["training_filters"] == {"splits": [""]}
        assert (parameters["held_out_id"], parameters["held_out_filters"]) == (str(training.pk), {"splits": ["test"]})
        assert parameters["settings"]["suspicion"] == 0.05
        page = text_of(investigator_client.get(response.url))
        assert "Queued" in page

    def test_a_value_out_of_range_is_named_at_its_field(self, investigator_client, synthetic, training):
        response = self.start(investigator_client, synthetic, training=training.pk, neighbours=0)
        assert "neighbours is 0; it must be a whole number from 1 to 50" in text_of(response)
        assert not Job.objects.exists()

    def test_too_few_images_are_said(self, investigator_client, synthetic, training):
        training.images.filter(pk__in=training.images.values_list("pk")[:5]).delete()
        response = self.start(investigator_client, synthetic, training=training.pk)
        assert "“Real ones” has 17 images (all images); at least 20 are needed." in text_of(response)

    def test_a_generators_own_training_images_are_offered(self, investigator_client, training):
        run = TrainingRunFactory(dataset=training, filters={"splits": ["train"], "labels": ["normal"]})
        CheckpointFactory(run=run)
        ImageFactory(dataset=training, split="test")
        drawn = DatasetFactory(origin=Dataset.Origin.SYNTHETIC)
        ImageFactory.create_batch(12, dataset=drawn, provenance={"run": str(run.pk)})
        ImageFactory.create_batch(21, dataset=training, split="train")

        page = text_of(investigator_client.get(reverse("generation:dataset_measures", args=[drawn.pk])))
        self.start(investigator_client, drawn, training=training.pk, training_splits=["train"])

        assert page.count(f'<option value="{training.pk}" selected>') == 2  # trained on, and held out
        job = Job.objects.get(kind="generation.measure")
        assert job.parameters["training_filters"] == {"splits": ["train"], "labels": ["normal"]}

    def test_real_images_have_no_such_page(self, investigator_client, training):
        address = reverse("generation:dataset_measures", args=[training.pk])
        assert investigator_client.get(address).status_code == 404
        assert "Measures</a>" not in investigator_client.get(training.get_absolute_url()).content.decode()

    def test_the_page_of_a_synthetic_dataset_leads_there(self, investigator_client, synthetic):
        page = investigator_client.get(synthetic.get_absolute_url()).content.decode()
        assert reverse("generation:dataset_measures", args=[synthetic.pk]) in page


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12.345, "12.3"), (-0.00123, "-0.00123"), (12345.6, "12,346"), (4.2e9, "4.20e+09"), (3e-7, "3.00e-07")],
)
def test_numbers_are_read_at_a_glance(value, text):
    assert number(value) == text
