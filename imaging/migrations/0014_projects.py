"""Records lie in projects; a name is taken within one."""

import django.db.models.deletion
from django.db import migrations, models

from config.projects.migrations._filling import put_into_first_project


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0001_initial"),
        ("imaging", "0013_cards_versions_and_deleted_datasets"),
    ]

    operations = [
        migrations.AddField(
            model_name="dataset",
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
            model_name="regiontask",
            name="project",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="projects.project",
            ),
        ),
        migrations.RunPython(put_into_first_project("imaging", "dataset", "regiontask"), migrations.RunPython.noop),
        migrations.AlterField(
            model_name="dataset",
            name="project",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="projects.project"
            ),
        ),
        migrations.AlterField(
            model_name="regiontask",
            name="project",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="projects.project"
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="name",
            field=models.CharField(max_length=200),
        ),
        migrations.AddConstraint(
            model_name="dataset",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="dataset_name_in_project"),
        ),
        migrations.AlterField(
            model_name="regiontask",
            name="name",
            field=models.CharField(max_length=200),
        ),
        migrations.AddConstraint(
            model_name="regiontask",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="region_task_name_in_project"),
        ),
    ]
