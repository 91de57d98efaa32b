"""The domain side of experiments with classifiers: what was trained on what, and what came of it."""

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from classification.explanation_models import Explanation as Explanation
from classification.screening.models import ScreenedImage as ScreenedImage
from classification.screening.models import Screening as Screening
from config.projects.managers import InSight
from config.projects.models import ProjectField
from imaging.models import Dataset
from worker.models import Job


class Experiment(models.Model):
    """Classifiers trained on one split and tested on the same images. Written once, read for ever."""

    class Kind(models.TextChoices):
        KONG = "kong", "Kong’s four experiments"
        JANG = "jang", "Jang’s experiment"
        SINGLE = "single", "One classifier"
        ORIGIN = "origin", "Machine reader"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = ProjectField(like="dataset")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=Kind)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="experiments")  # real, split
    synthetic = models.ForeignKey(
        Dataset, null=True, blank=True, on_delete=models.PROTECT, related_name="experiments_as_synthetic"
    )
    external = models.ManyToManyField(Dataset, blank=True, related_name="experiments_as_external")
    classes = models.JSONField()  # labels in the order of the class index
    positive = models.CharField(max_length=100)  # the label that a high score stands for
    limits = models.JSONField(default=dict, blank=True)  # label -> most training images of it, drawn by the seed
    config = models.JSONField()  # classification.cnn.config.ClassifierConfig
    design = models.JSONField()  # SweepSettings, JangSettings or SingleSettings of classification.cnn.config, by kind
    weights = models.JSONField()  # what the backbone began with: classification.loading.find_weights
    chooser = models.ForeignKey(  # whose score chooses synthetic images, in Jang's experiment
        "Classifier", null=True, blank=True, on_delete=models.PROTECT, related_name="experiments_as_chooser"
    )
    is_demonstration = models.BooleanField(default=False)
    results = models.JSONField(default=dict, blank=True)  # {} until the job has ended
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="experiment")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = InSight["Experiment"]()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="experiment_name_in_project"),
            models.CheckConstraint(
                name="experiment_kind_known", condition=Q(kind__in=["kong", "jang", "single", "origin"])
            ),
            models.CheckConstraint(
                name="experiment_has_synthetic",
                condition=Q(kind="single", synthetic=None) | (~Q(kind="single") & Q(synthetic__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("classification:experiment_detail", args=[self.pk])


class Classifier(models.Model):
    """A trained classifier of an experiment: a file that scores can be computed with; the file is immutable."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="classifiers")
    arm = models.CharField(max_length=32)  # "OD", "GCB", ...
    seed = models.BigIntegerField()
    file_name = models.CharField(max_length=200)  # relative to the job's directory
    sha256 = models.CharField(max_length=64)
    fine_tuned = models.BooleanField(default=False)  # its file holds a whole network, which others can begin with
    layers = models.JSONField(default=list, blank=True)  # that Grad-CAM can show; [] where nobody has measured them yet
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("experiment__project",)
    objects = InSight["Classifier"]()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [models.UniqueConstraint(fields=["experiment", "arm", "seed"], name="classifier_unique")]

    def __str__(self) -> str:
        return f"{self.experiment}: {self.arm}, seed {self.seed}"

    def get_absolute_url(self) -> str:
        return reverse("classification:classifier_detail", args=[self.pk])

    @property
    def path(self) -> Path:
        return self.experiment.job.directory / self.file_name


class Scoring(models.Model):
    """A classifier applied to the images of a closed study, or of a dataset."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="scorings")
    study = models.ForeignKey("turing.Study", null=True, blank=True, on_delete=models.PROTECT, related_name="scorings")
    dataset = models.ForeignKey(Dataset, null=True, blank=True, on_delete=models.PROTECT, related_name="scorings")
    results = models.JSONField(default=dict, blank=True)  # classification.scoring.results; {} until the job has ended
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="scoring")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("classifier__experiment__project",)
    objects = InSight["Scoring"]()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="scoring_of_one",
                condition=Q(study__isnull=False, dataset=None) | Q(study=None, dataset__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.study or self.dataset} by {self.classifier}"

    def get_absolute_url(self) -> str:
        return reverse("classification:scoring_detail", args=[self.pk])


class ImageScore(models.Model):
    """What a classifier says of one image."""

    scoring = models.ForeignKey(Scoring, on_delete=models.CASCADE, related_name="scores")
    image = models.ForeignKey("imaging.Image", on_delete=models.PROTECT, related_name="classifier_scores")
    score = models.FloatField()  # probability of the classifier's positive class, in [0, 1]
    # the classifier learnt from this image, or from another one of its patient: its score flatters
    was_learnt = models.BooleanField(default=False)

    class Meta:
        ordering = ["scoring", "image"]
        constraints = [
            models.UniqueConstraint(fields=["scoring", "image"], name="image_score_unique"),
            models.CheckConstraint(name="image_score_in_range", condition=Q(score__gte=0, score__lte=1)),
        ]
