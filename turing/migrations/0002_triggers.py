"""Triggers that keep the record of a study: what was answered and what was shown cannot be changed or removed.

Insert-only: answers, trials and their truth. A study that has been opened keeps its protocol and cannot be deleted, nor
go back to an earlier status. The error of the database reaches Django as IntegrityError.

On SQLite a later migration that alters one of these tables makes it anew without its triggers: it must end with the
operation of this one again (tests/turing/test_triggers.py fails otherwise).
"""

from django.db import migrations

from turing.migrations import _triggers

INSERT_ONLY = ("turing_answer", "turing_trial", "turing_trialtruth")
FROZEN = (
    "id", "name", "question", "instructions", "positive_class", "real_dataset_id", "synthetic_dataset_id",
    "real_filters", "synthetic_filters", "n_real", "n_synthetic", "seed", "image_size", "is_example",
    "protocol", "protocol_sha256", "manifest_sha256", "opened_at",
)  # fmt: skip


def create_triggers(apps, schema_editor):
    _triggers.create(schema_editor, insert_only=INSERT_ONLY, frozen=FROZEN)


def drop_triggers(apps, schema_editor):
    _triggers.drop(schema_editor, insert_only=INSERT_ONLY)


class Migration(migrations.Migration):
    dependencies = [("turing", "0001_initial")]

    operations = [migrations.RunPython(create_triggers, drop_triggers)]
