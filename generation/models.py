"""The domain side of generator jobs: what was trained on what, its checkpoints, and what was sampled from them."""

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from config.projects.managers import InSight
from config.projects.models import ProjectField
from imaging.models import Dataset
from worker.models import Job


class TrainingRun(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = ProjectField(like="dataset")
    name = models.CharField(max_length=200)
    generator = models.CharField(max_length=32)  # a name in generation.gan.registry
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="training_runs")
    classes = models.JSONField()  # class names in the order of the generator's class index
    config = models.JSONField()  # every hyper-parameter
    filters = models.JSONField(default=dict, blank=True)  # of imaging.selectors.filter_images: what it is trained on
    limits = models.JSONField(default=dict, blank=True)  # label -> most images of it, drawn by the seed
    keep_best = models.PositiveSmallIntegerField(default=3)  # checkpoints kept for their measure `best_by`
    best_by = models.CharField(max_length=32, blank=True)  # a name in a checkpoint's measures; "" keeps none for it
    is_demonstration = models.BooleanField(default=False)  # trained for minutes, not for the published length
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="training_run")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = InSight["TrainingRun"]()
    anywhere = models.Manager["TrainingRun"]()  # of all projects

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="training_run_name_in_project")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("generation:run_detail", args=[self.pk])

    @property
    def length_setting(self) -> str:
        """The setting that says how long it trains."""
        return "iterations" if "iterations" in self.config else "total_kimg"

    @property
    def length(self) -> str:
        """How long it trains, in the words of its generator: "2,000 iterations", "12,000 thousand images"."""
        if "iterations" in self.config:
            return f"{self.config['iterations']:,} iterations"
        kimg = self.config.get("total_kimg")
        return f"{kimg:,.6g} thousand images" if kimg is not None else ""


class ForeignGenerator(models.Model):
    """A generator that somebody else made. Samples can be drawn once its trial drawing was looked at and accepted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = ProjectField(like="job")
    name = models.CharField(max_length=200)
    made_with = models.CharField(max_length=200)  # program, paper, or whoever trained it
    licence = models.CharField(max_length=200, blank=True)
    citation = models.TextField(blank=True)
    file_name = models.CharField(max_length=200)  # as uploaded
    sha256 = models.CharField(max_length=64)  # of the uploaded file, which is stored under this name
    declaration = models.JSONField()  # generation.gan.foreign_settings.Declaration
    trial = models.JSONField(default=dict, blank=True)  # what the trial drawing showed
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="foreign_generator")  # the trial drawing
    accepted_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = InSight["ForeignGenerator"]()
    anywhere = models.Manager["ForeignGenerator"]()  # of all projects

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="foreign_generator_name_in_project")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("generation:foreign_detail", args=[self.pk])

    @property
    def path(self) -> Path:
        suffix = str(self.declaration["format"])
        return Path(settings.MEDIA_ROOT) / "generators" / f"{self.sha256}.{suffix}"

    @property
    def classes(self) -> list[str]:
        return list(self.declaration["classes"])


class Checkpoint(models.Model):
    """A state of a run, or a generator from elsewhere, that samples can be drawn from; the file is immutable."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(TrainingRun, null=True, blank=True, on_delete=models.PROTECT, related_name="checkpoints")
    foreign = models.OneToOneField(
        ForeignGenerator, null=True, blank=True, on_delete=models.PROTECT, related_name="checkpoint"
    )
    iteration = models.PositiveBigIntegerField()  # steps done
    images_seen = models.PositiveBigIntegerField(default=0)  # real images, over all steps
    measures = models.JSONField(default=dict, blank=True)  # name -> number, of this state; {} when none were taken
    is_milestone = models.BooleanField(default=True)  # kept for good; others are kept while they are best or last
    file_name = models.CharField(max_length=200)  # relative to the job's directory; of a foreign one as uploaded
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("run__project", "foreign__project")
    objects = InSight["Checkpoint"]()
    anywhere = models.Manager["Checkpoint"]()  # of all projects

    class Meta:
        ordering = ["iteration"]
        constraints = [
            models.UniqueConstraint(fields=["run", "iteration"], name="checkpoint_iteration_unique"),
            models.CheckConstraint(
                name="checkpoint_of_run_or_foreign",
                condition=Q(run__isnull=False, foreign__isnull=True) | Q(run__isnull=True, foreign__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.foreign) if self.foreign is not None else f"{self.run} at {self.iteration}"

    @property
    def path(self) -> Path:
        if self.foreign is not None and self.foreign.declaration["format"] != "safetensors":
            return self.foreign.path
        return self.job.directory / self.file_name

    @property
    def job(self) -> Job:
        """In whose directory the file is."""
        return self.origin.job

    @property
    def origin(self) -> TrainingRun | ForeignGenerator:
        if self.foreign is not None:
            return self.foreign
        if self.run is None:  # a constraint of the database
            raise ValueError(f"Checkpoint {self.pk} is of nothing")
        return self.run

    @property
    def classes(self) -> list[str]:
        return list(self.origin.classes)


class SampleRun(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="sample_runs")
    per_class = models.JSONField()  # class name -> number of images
    seed = models.BigIntegerField()
    precision = models.CharField(max_length=16, default="exact")  # of generation.gan.sampling_options
    truncation = models.FloatField(default=1.0)
    dataset_name = models.CharField(max_length=200)
    dataset = models.ForeignKey(Dataset, null=True, blank=True, on_delete=models.SET_NULL, related_name="sample_runs")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="sample_run")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("checkpoint__run__project", "checkpoint__foreign__project")
    objects = InSight["SampleRun"]()
    anywhere = models.Manager["SampleRun"]()  # of all projects

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.dataset_name
