"""The audit chain, append-only by the same triggers as the answers."""

from importlib import import_module

from django.db import migrations, models

from turing.migrations import _triggers

BEFORE = import_module("turing.migrations.0002_triggers")
INSERT_ONLY = (*BEFORE.INSERT_ONLY, "turing_auditevent")
FROZEN = BEFORE.FROZEN


def create_triggers(apps, schema_editor):
    _triggers.create(schema_editor, insert_only=INSERT_ONLY, frozen=FROZEN)


def restore_triggers(apps, schema_editor):
    _triggers.drop(schema_editor, insert_only=INSERT_ONLY)
    BEFORE.create_triggers(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [("turing", "0002_triggers")]

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("sequence", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("actor", models.BigIntegerField(null=True)),
                ("action", models.CharField(max_length=64)),
                ("object_type", models.CharField(max_length=64)),
                ("object_id", models.CharField(max_length=64)),
                ("details", models.TextField()),
                ("previous_hash", models.CharField(max_length=64, unique=True)),
                ("hash", models.CharField(max_length=64, unique=True)),
            ],
            options={
                "ordering": ["sequence"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("sequence__gte", 1)), name="audit_sequence_from_one")
                ],
            },
        ),
        migrations.RunPython(create_triggers, restore_triggers),
    ]
