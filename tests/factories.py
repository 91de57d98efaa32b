"""One factory per model. Image factories store real pixels."""

import factory
import numpy as np
from factory.django import DjangoModelFactory

from classification.cnn.config import ClassifierConfig, SweepSettings
from classification.models import Classifier, Experiment, Scoring
from config.accounts.models import User
from config.projects.models import first_project
from config.projects.services import add_member
from generation.gan.config import AcganConfig
from generation.models import Checkpoint, SampleRun, TrainingRun
from imaging.models import Dataset, DatasetReport, Image, QuarantinedImage
from imaging.storage import store_pixels
from worker.models import Job

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    role = User.Role.READER
    password = factory.django.Password(PASSWORD)

    @factory.post_generation
    def projects(self, create, extracted, **_kwargs):
        """Those that the user is a member of; the site's first one unless said, and none for a reader."""
        if create and self.works_in_projects:
            for project in [first_project()] if extracted is None else extracted:
                add_member(project=project, user=self, by=None)


class JobFactory(DjangoModelFactory):
    class Meta:
        model = Job

    kind = "count"  # of tests.worker.counting
    title = factory.Sequence(lambda n: f"Job {n}")
    parameters = factory.LazyFunction(lambda: {"steps": 10, "journal": "/dev/null", "step_seconds": 0.0})


class DatasetFactory(DjangoModelFactory):
    class Meta:
        model = Dataset

    name = factory.Sequence(lambda n: f"Dataset {n}")
    origin = Dataset.Origin.REAL


class ImageFactory(DjangoModelFactory):
    """An image of its own random pixels, stored; pass `pixels` (uint8 or uint16, shape (H, W)) for others."""

    class Meta:
        model = Image

    class Params:
        pixels = factory.Sequence(
            lambda n: np.random.default_rng(n).integers(0, 256, size=(16, 12)).astype(np.uint8)  # height 16, width 12
        )
        stored = factory.LazyAttribute(lambda image: store_pixels(image.pixels))

    dataset = factory.SubFactory(DatasetFactory)
    label = "normal"
    pixel_sha256 = factory.LazyAttribute(lambda image: image.stored.sha256)
    width = factory.LazyAttribute(lambda image: image.stored.width)
    height = factory.LazyAttribute(lambda image: image.stored.height)
    bit_depth = factory.LazyAttribute(lambda image: image.stored.bit_depth)


class QuarantinedImageFactory(ImageFactory):
    """A picture that waits, of its own random pixels, stored."""

    class Meta:
        model = QuarantinedImage

    reason = QuarantinedImage.Reason.UNKNOWN


class DatasetReportFactory(DjangoModelFactory):
    """A record without files."""

    class Meta:
        model = DatasetReport

    dataset = factory.SubFactory(DatasetFactory, origin=Dataset.Origin.SYNTHETIC)
    kind = "generation.measure"
    title = factory.Sequence(lambda n: f"Measures {n}")
    values = factory.LazyFunction(lambda: {"summary": []})


class TrainingRunFactory(DjangoModelFactory):
    """A run whose job waits; its training is a matter for the tests of jobs."""

    class Meta:
        model = TrainingRun

    name = factory.Sequence(lambda n: f"Run {n}")
    generator = "acgan"
    dataset = factory.SubFactory(DatasetFactory)
    classes = factory.LazyFunction(lambda: ["lesion", "normal"])
    config = factory.LazyFunction(lambda: AcganConfig(iterations=40).to_dict())
    job = factory.SubFactory(JobFactory)


class CheckpointFactory(DjangoModelFactory):
    class Meta:
        model = Checkpoint

    run = factory.SubFactory(TrainingRunFactory)
    iteration = factory.Sequence(lambda n: n + 1)
    images_seen = factory.LazyAttribute(lambda checkpoint: 64 * checkpoint.iteration)
    file_name = factory.LazyAttribute(lambda checkpoint: f"checkpoints/checkpoint-{checkpoint.iteration:08d}.pt")
    sha256 = factory.Sequence(lambda n: f"{n:064x}")


class SampleRunFactory(DjangoModelFactory):
    class Meta:
        model = SampleRun

    checkpoint = factory.SubFactory(CheckpointFactory)
    per_class = factory.LazyFunction(lambda: {"lesion": 3, "normal": 3})
    seed = 1
    dataset_name = factory.Sequence(lambda n: f"Samples {n}")
    job = factory.SubFactory(JobFactory)


class ExperimentFactory(DjangoModelFactory):
    """An experiment whose job waits, on a dataset without images."""

    class Meta:
        model = Experiment

    name = factory.Sequence(lambda n: f"Experiment {n}")
    kind = Experiment.Kind.KONG
    dataset = factory.SubFactory(DatasetFactory)
    synthetic = factory.SubFactory(DatasetFactory, origin=Dataset.Origin.SYNTHETIC)
    classes = factory.LazyFunction(lambda: ["normal", "pneumonia"])
    positive = "pneumonia"
    config = factory.LazyFunction(lambda: ClassifierConfig().to_dict())
    design = factory.LazyFunction(lambda: SweepSettings().to_dict())
    weights = factory.LazyFunction(lambda: {"kind": "none"})
    job = factory.SubFactory(JobFactory)


class ClassifierFactory(DjangoModelFactory):
    """A record without a file."""

    class Meta:
        model = Classifier

    experiment = factory.SubFactory(ExperimentFactory)
    arm = "Classifier"
    seed = factory.Sequence(lambda n: n)
    file_name = factory.LazyAttribute(lambda classifier: f"classifiers/{classifier.seed}.classifier.pt")
    sha256 = factory.Sequence(lambda n: f"{n:064x}")


class ScoringFactory(DjangoModelFactory):
    """Of a dataset without images, whose job waits; pass `study`, and `dataset=None`, for one of a study."""

    class Meta:
        model = Scoring

    classifier = factory.SubFactory(ClassifierFactory)
    dataset = factory.SubFactory(DatasetFactory)
    job = factory.SubFactory(JobFactory)
