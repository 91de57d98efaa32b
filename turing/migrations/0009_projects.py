"""Records lie in projects; a name is taken within one.

Triggers are dropped before the first change and made again after the last, in either direction, because SQLite loses
them on the way.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

from config.projects.migrations._filling import put_into_first_project
from turing.migrations import _triggers

BEFORE = import_module("turing.migrations.0008_analysis_plan")

INSERT_ONLY = BEFORE.INSERT_ONLY
FROZEN = (*BEFORE.FROZEN, "project_id")


def create_triggers(apps, schema_editor):
    _triggers.create(schema_editor, insert_only=INSERT_ONLY, frozen=FROZEN)
    _triggers.create_protocol(schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0001_initial"),
        ("turing", "0008_analysis_plan"),
    ]

    operations = [
        migrations.RunPython(BEFORE.BEFORE.drop_triggers, BEFORE.create_triggers),
        migrations.AddField(
            model_name="study",
            name="project",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="projects.project",
            ),
        ),
        migrations.AddField(
            model_name="answertable",
            name="project",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="projects.project",
            ),
        ),
        migrations.RunPython(put_into_first_project("turing", "study", "answertable"), migrations.RunPython.noop),
        migrations.AlterField(
            model_name="study",
            name="project",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="projects.project"
            ),
        ),
        migrations.AlterField(
            model_name="answertable",
            name="project",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="projects.project"
            ),
        ),
        migrations.AlterField(
            model_name="study",
            name="name",
            field=models.CharField(max_length=200),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="study_name_in_project"),
        ),
        migrations.RunPython(create_triggers, BEFORE.BEFORE.drop_triggers),
    ]
