"""Region tasks. Triggers refuse any change of a drawing or a region that was saved; they go with their task alone.

A later migration that alters one of the two tables calls `protect` again: SQLite makes a table anew, without triggers.
"""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

INSERT_ONLY = ("imaging_regiondrawing", "imaging_region")
MESSAGE = "saved regions are never changed: save a new revision"


def protect(apps, schema_editor):
    unprotect(apps, schema_editor)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE FUNCTION imaging_refuse_region() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
            params=None,
        )
    for table in INSERT_ONLY:
        if schema_editor.connection.vendor == "postgresql":
            action = "FOR EACH ROW EXECUTE FUNCTION imaging_refuse_region()"
        else:
            action = f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        schema_editor.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {action}", params=None)


def unprotect(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for table in INSERT_ONLY:
        where = f" ON {table}" if is_postgresql else ""
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_no_update{where}", params=None)
    if is_postgresql:
        schema_editor.execute("DROP FUNCTION IF EXISTS imaging_refuse_region()", params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("imaging", "0009_study_year"),
        ("worker", "0002_job_seconds_left"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RegionAnnotator",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "role",
                    models.CharField(
                        choices=[("annotator", "Annotator"), ("adjudicator", "Adjudicator")],
                        default="annotator",
                        max_length=16,
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                (
                    "user",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["task", "role", "number"],
            },
        ),
        migrations.CreateModel(
            name="RegionAssignment",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("position", models.PositiveIntegerField()),
                (
                    "annotator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assignments",
                        to="imaging.regionannotator",
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="region_assignments",
                        to="imaging.image",
                    ),
                ),
            ],
            options={
                "ordering": ["annotator", "position"],
            },
        ),
        migrations.CreateModel(
            name="RegionDrawing",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("revision", models.PositiveIntegerField()),
                ("idempotency_key", models.UUIDField(unique=True)),
                ("saved_at", models.DateTimeField()),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drawings",
                        to="imaging.regionassignment",
                    ),
                ),
            ],
            options={
                "ordering": ["assignment", "revision"],
            },
        ),
        migrations.AddField(
            model_name="regionassignment",
            name="current",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="current_of",
                to="imaging.regiondrawing",
            ),
        ),
        migrations.CreateModel(
            name="Region",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("x", models.PositiveIntegerField(null=True)),
                ("y", models.PositiveIntegerField(null=True)),
                ("width", models.PositiveIntegerField(null=True)),
                ("height", models.PositiveIntegerField(null=True)),
                ("label", models.CharField(blank=True, max_length=100)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("was_offered", models.BooleanField(default=False)),
                ("taken_from", models.CharField(blank=True, max_length=8)),
                (
                    "drawing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="regions", to="imaging.regiondrawing"
                    ),
                ),
            ],
            options={
                "ordering": ["drawing", "name"],
            },
        ),
        migrations.CreateModel(
            name="RegionTask",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, unique=True)),
                ("region_names", models.JSONField()),
                ("labels", models.JSONField()),
                ("instructions", models.TextField(blank=True)),
                ("splits", models.JSONField(blank=True, default=list)),
                ("sample_size", models.PositiveIntegerField(blank=True, null=True)),
                ("seed", models.PositiveIntegerField(default=0)),
                ("offers_last_boxes", models.BooleanField(default=True)),
                ("n_images", models.PositiveIntegerField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="region_tasks", to="imaging.dataset"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="RegionCrops",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("dataset_name", models.CharField(max_length=200)),
                ("rule", models.CharField(max_length=16)),
                ("iou_limit", models.FloatField()),
                ("side", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "dataset",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="crops_record",
                        to="imaging.dataset",
                    ),
                ),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="region_crops", to="worker.job"
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="crops", to="imaging.regiontask"
                    ),
                ),
            ],
            options={
                "verbose_name": "dataset of crops",
                "ordering": ["-created_at", "id"],
            },
        ),
        migrations.AddField(
            model_name="regionannotator",
            name="task",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="annotators", to="imaging.regiontask"
            ),
        ),
        migrations.AddConstraint(
            model_name="regiondrawing",
            constraint=models.UniqueConstraint(fields=("assignment", "revision"), name="region_revision_once"),
        ),
        migrations.AddConstraint(
            model_name="regionassignment",
            constraint=models.UniqueConstraint(fields=("annotator", "image"), name="region_image_once"),
        ),
        migrations.AddConstraint(
            model_name="regionassignment",
            constraint=models.UniqueConstraint(fields=("annotator", "position"), name="region_position_once"),
        ),
        migrations.AddConstraint(
            model_name="region",
            constraint=models.UniqueConstraint(fields=("drawing", "name"), name="region_name_once"),
        ),
        migrations.AddConstraint(
            model_name="region",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("height__gt", 0),
                        ("label__gt", ""),
                        ("reason", ""),
                        ("width__gt", 0),
                        ("x__isnull", False),
                        ("y__isnull", False),
                    ),
                    models.Q(
                        ("height__isnull", True),
                        ("label", ""),
                        ("width__isnull", True),
                        ("x__isnull", True),
                        ("y__isnull", True),
                        models.Q(("reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="region_drawn_or_not_visible",
            ),
        ),
        migrations.AddConstraint(
            model_name="regiontask",
            constraint=models.CheckConstraint(condition=models.Q(("n_images__gte", 1)), name="region_task_has_images"),
        ),
        migrations.AddConstraint(
            model_name="regioncrops",
            constraint=models.CheckConstraint(
                condition=models.Q(("iou_limit__gte", 0), ("iou_limit__lte", 1)), name="region_crops_limit"
            ),
        ),
        migrations.AddConstraint(
            model_name="regioncrops",
            constraint=models.CheckConstraint(
                condition=models.Q(("side__isnull", True), ("side__gte", 8), _connector="OR"), name="region_crops_side"
            ),
        ),
        migrations.AddConstraint(
            model_name="regionannotator",
            constraint=models.UniqueConstraint(fields=("task", "role", "number"), name="region_annotator_number_once"),
        ),
        migrations.AddConstraint(
            model_name="regionannotator",
            constraint=models.UniqueConstraint(fields=("task", "role", "user"), name="region_annotator_once"),
        ),
        migrations.AddConstraint(
            model_name="regionannotator",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["annotator", "adjudicator"])), name="region_annotator_role_known"
            ),
        ),
        migrations.RunPython(protect, unprotect),
    ]
