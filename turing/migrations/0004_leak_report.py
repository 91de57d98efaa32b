"""The leak audit: its limit in the protocol, and its report at the opening. Both are frozen with the study."""

from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from turing.migrations import _triggers

BEFORE = import_module("turing.migrations.0003_audit")
INSERT_ONLY = (*BEFORE.INSERT_ONLY, "turing_leakreport")
FROZEN = (*BEFORE.FROZEN, "leak_limit")


def create_triggers(apps, schema_editor):
    _triggers.create(schema_editor, insert_only=INSERT_ONLY, frozen=FROZEN)


def drop_triggers(apps, schema_editor):
    _triggers.drop(schema_editor, insert_only=INSERT_ONLY)


def restore_triggers(apps, schema_editor):
    BEFORE.create_triggers(apps, schema_editor)


def nothing(apps, schema_editor):
    pass


class Migration(migrations.Migration):
    dependencies = [
        ("imaging", "0001_initial"),
        ("turing", "0003_audit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # SQLite makes the table of studies anew to alter it, without its triggers: they are made again at the end, and
        # backwards they are gone before the first change and made again after the last
        migrations.RunPython(nothing, restore_triggers),
        migrations.CreateModel(
            name="LeakReport",
            fields=[
                (
                    "study",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="leak_report",
                        serialize=False,
                        to="turing.study",
                    ),
                ),
                ("report", models.JSONField()),
                ("blocked", models.BooleanField()),
                ("override_reason", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.AddField(
            model_name="study",
            name="leak_limit",
            field=models.FloatField(default=0.75),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(("leak_limit__gt", 0.5), ("leak_limit__lte", 1)), name="study_leak_limit_in_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="leakreport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("blocked", False), ("override_reason", "")),
                    models.Q(("blocked", True), models.Q(("override_reason", ""), _negated=True)),
                    _connector="OR",
                ),
                name="leak_override_has_reason",
            ),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
    ]
