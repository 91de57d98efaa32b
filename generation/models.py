"""The domain side of generator jobs: what was trained on what, its checkpoints, and what was sampled from them."""

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.urls import reverse

from imaging.models import Dataset
from worker.models import Job


class TrainingRun(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True)
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

    class Meta:
        ordering = ["-created_at"]

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


class Checkpoint(models.Model):
    """A state of a run that samples can be drawn from; the file is immutable once recorded."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(TrainingRun, on_delete=models.PROTECT, related_name="checkpoints")
    iteration = models.PositiveBigIntegerField()  # steps done
    images_seen = models.PositiveBigIntegerField(default=0)  # real images, over all steps
    measures = models.JSONField(default=dict, blank=True)  # name -> number, of this state; {} when none were taken
    is_milestone = models.BooleanField(default=True)  # kept for good; others are kept while they are best or last
    file_name = models.CharField(max_length=200)  # relative to the job's directory
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["iteration"]
        constraints = [models.UniqueConstraint(fields=["run", "iteration"], name="checkpoint_iteration_unique")]

    def __str__(self) -> str:
        return f"{self.run} at {self.iteration}"

    @property
    def path(self) -> Path:
        return self.run.job.directory / self.file_name


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

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.dataset_name
