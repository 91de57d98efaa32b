"""What the analysis declares before it: margin, confidence, rules for outlying times. Frozen with the rest of a study.

A study that was opened before has declared none of it: its columns are empty, they are frozen empty, and its protocol and
hash stay as they were. Triggers are dropped before the first change and made again after the last, in either direction,
because SQLite loses them on the way.
"""

from importlib import import_module

from django.db import migrations, models

from turing.migrations import _triggers

BEFORE = import_module("turing.migrations.0006_protocol")
INSERT_ONLY = BEFORE.INSERT_ONLY
FROZEN = (
    *BEFORE.FROZEN,
    "equivalence_margin", "confidence_level", "shortest_time_ms", "longest_time_ms", "outlier_mads",
)  # fmt: skip


def create_triggers(apps, schema_editor):
    _triggers.create(schema_editor, insert_only=INSERT_ONLY, frozen=FROZEN)
    _triggers.create_protocol(schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("turing", "0007_reports"),
    ]

    operations = [
        migrations.RunPython(BEFORE.drop_triggers, BEFORE.create_triggers),
        migrations.AddField(
            model_name="study",
            name="equivalence_margin",
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="study",
            name="confidence_level",
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="study",
            name="shortest_time_ms",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="study",
            name="longest_time_ms",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="study",
            name="outlier_mads",
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("equivalence_margin", None),
                    models.Q(("equivalence_margin__gt", 0), ("equivalence_margin__lt", 0.5)),
                    _connector="OR",
                ),
                name="study_margin_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confidence_level", None),
                    models.Q(("confidence_level__gt", 0.5), ("confidence_level__lt", 1)),
                    _connector="OR",
                ),
                name="study_confidence_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(("equivalence_margin", None), ("confidence_level__isnull", False), _connector="OR"),
                name="study_margin_has_confidence",
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("shortest_time_ms", None),
                    ("longest_time_ms", None),
                    ("shortest_time_ms__lt", models.F("longest_time_ms")),
                    _connector="OR",
                ),
                name="study_times_leave_some",
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(("outlier_mads", None), ("outlier_mads__gt", 0), _connector="OR"),
                name="study_outlier_mads_positive",
            ),
        ),
        migrations.RunPython(create_triggers, BEFORE.drop_triggers),
    ]
