"""The Job record: the only truth about long work. The broker merely wakes a worker up.

A job is run by whoever holds its lease: a random token with an expiry that the running process renews (heartbeat).
Every write of a running process names the token, so a process that lost the lease can change nothing.
"""

import uuid
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from config.projects.managers import InSight
from config.projects.models import ProjectField

LONG_WAIT = timedelta(seconds=15)
LONG_SILENCE = timedelta(seconds=10)


class Job(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        CANCELLING = "cancelling", "Cancelling"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ACTIVE = (State.QUEUED, State.RUNNING, State.CANCELLING)
    FINAL = (State.SUCCEEDED, State.FAILED, State.CANCELLED)

    class Queue(models.TextChoices):
        LIGHT = "light", "Light (somebody waits for it)"
        CPU = "cpu", "Processor (imports, reports)"
        GPU = "gpu", "Graphics card (training)"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=64)  # a kind in worker.registry
    title = models.CharField(max_length=200)
    project = ProjectField()
    parameters = models.JSONField(default=dict)
    queue = models.CharField(max_length=16, choices=Queue, default=Queue.LIGHT)  # or one that the site names
    gpus = models.PositiveSmallIntegerField(default=0)  # devices that it needs where workers share theirs out
    priority = models.SmallIntegerField(default=0)  # higher first
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    seed = models.BigIntegerField(null=True, blank=True)

    progress_done = models.PositiveBigIntegerField(default=0)
    progress_total = models.PositiveBigIntegerField(default=0)  # 0: not known yet
    progress_unit = models.CharField(max_length=32, blank=True)
    message = models.CharField(max_length=500, blank=True)  # what it is doing now, or how it ended
    error = models.TextField(blank=True)  # what was wrong and what to do, in words; the traceback is in the log
    result = models.JSONField(default=dict, blank=True)
    seconds_left = models.FloatField(null=True, blank=True)  # as the job foretells it; None: from the rate so far

    attempt = models.PositiveIntegerField(default=0)
    crashes = models.PositiveIntegerField(default=0)  # in a row without progress
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    worker_name = models.CharField(max_length=200, blank=True)
    process_id = models.PositiveIntegerField(null=True, blank=True)
    device = models.CharField(max_length=100, blank=True)
    versions = models.JSONField(default=dict, blank=True)  # code revision and library versions of the last attempt

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(default=timezone.now)  # last time it went into the queue
    started_at = models.DateTimeField(null=True, blank=True)  # first attempt
    attempt_started_at = models.DateTimeField(null=True, blank=True)
    attempt_progress = models.PositiveBigIntegerField(default=0)  # first progress_done of this attempt (or phase) ...
    attempt_progress_at = models.DateTimeField(null=True, blank=True)  # ... and when: the ETA counts from here
    progress_best = models.PositiveBigIntegerField(default=0)  # highest progress_done of earlier attempts
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = InSight["Job"]()
    anywhere = models.Manager["Job"]()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["state", "queue", "-priority", "created_at"], name="job_next"),
            models.Index(fields=["-created_at"], name="job_newest"),
            models.Index(fields=["created_by", "-finished_at"], name="job_ended_of"),
        ]
        constraints = [
            models.CheckConstraint(
                name="job_state_known",
                condition=Q(state__in=["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]),
            ),
            models.CheckConstraint(
                name="job_lease_only_while_running",
                condition=Q(state__in=["running", "cancelling"], lease_token__isnull=False)
                | (~Q(state__in=["running", "cancelling"]) & Q(lease_token__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("worker:job_detail", args=[self.pk])

    @property
    def is_final(self) -> bool:
        return self.state in self.FINAL

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    @property
    def can_cancel(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)

    @property
    def can_resume(self) -> bool:
        return self.state in (self.State.FAILED, self.State.CANCELLED)

    @property
    def is_waiting_long(self) -> bool:
        """Queued for so long that a free worker would have taken it."""
        return self.state == self.State.QUEUED and timezone.now() - self.queued_at > LONG_WAIT

    @property
    def is_silent(self) -> bool:
        """Said to be running, but without a sign of life for longer than a busy machine explains."""
        is_held = self.state in (self.State.RUNNING, self.State.CANCELLING)
        return is_held and self.heartbeat_at is not None and timezone.now() - self.heartbeat_at > LONG_SILENCE

    @property
    def percent(self) -> int | None:
        """0 to 100, rounded down; None while the total is not known."""
        if not self.progress_total:
            return None
        return min(100, 100 * self.progress_done // self.progress_total)

    @property
    def eta_seconds(self) -> float | None:
        """Time left as the job foretells it, or at the rate of this attempt; None when not running or not known yet.

        From the database's times alone, so it does not depend on whose clock is right.
        """
        if self.state == self.State.RUNNING and self.seconds_left is not None:
            return self.seconds_left
        if self.state != self.State.RUNNING or self.attempt_progress_at is None or self.heartbeat_at is None:
            return None
        steps = self.progress_done - self.attempt_progress
        elapsed = (self.heartbeat_at - self.attempt_progress_at).total_seconds()
        if steps <= 0 or elapsed <= 0 or not self.progress_total:
            return None
        return max(0, self.progress_total - self.progress_done) * elapsed / steps

    @property
    def run_seconds(self) -> float | None:
        """How long the last attempt took, or takes so far; None before the first."""
        end = self.finished_at if self.is_final else self.heartbeat_at
        if self.attempt_started_at is None or end is None:
            return None
        return max(0.0, (end - self.attempt_started_at).total_seconds())

    @property
    def directory(self) -> Path:
        """Private working directory: checkpoints and artefacts; survives attempts."""
        return Path(settings.MEDIA_ROOT) / "jobs" / str(self.pk)


class JobLogLine(models.Model):
    """One line of the live log."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="log_lines")
    attempt = models.PositiveIntegerField()
    at = models.DateTimeField()
    level = models.CharField(max_length=8, default="info")
    text = models.TextField()

    class Meta:
        ordering = ["id"]


class JobMetric(models.Model):
    """Named values at one step (losses, rates). A resumed attempt replaces the steps that it does again."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="metrics")
    step = models.PositiveBigIntegerField()
    values = models.JSONField()

    class Meta:
        ordering = ["step"]
        constraints = [models.UniqueConstraint(fields=["job", "step"], name="job_metric_step_unique")]


class JobArtefact(models.Model):
    """A file that the job made and shows, relative to its directory."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="artefacts")
    name = models.CharField(max_length=200)  # path relative to Job.directory
    kind = models.CharField(max_length=32)  # "grid", "file", ...
    step = models.PositiveBigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    project_paths = ("job__project",)
    objects = InSight["JobArtefact"]()

    class Meta:
        ordering = ["step", "id"]
        constraints = [models.UniqueConstraint(fields=["job", "name"], name="job_artefact_name_unique")]


class WorkerRecord(models.Model):
    """A worker's sign of life, written by itself every few seconds (worker.presence). For people to look at: no job
    depends on it.
    """

    name = models.CharField(max_length=200, primary_key=True)  # as in Job.worker_name: "heavy@host"
    host = models.CharField(max_length=200)
    process_id = models.PositiveIntegerField()
    queues = models.JSONField(default=list)
    concurrency = models.PositiveIntegerField(default=1)  # jobs at the same time
    version = models.CharField(max_length=100, blank=True)  # code revision
    machine = models.JSONField(default=dict)  # worker.machine.Machine: processors, memory, disk, GPUs
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # the database's own time

    class Meta:
        ordering = ["host", "name"]

    def __str__(self) -> str:
        return self.name
