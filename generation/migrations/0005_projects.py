"""Records lie in projects; a name is taken within one."""

import django.db.models.deletion
from django.db import migrations, models

from config.projects.migrations._filling import put_into_first_project


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0001_initial"),
        ("generation", "0004_checkpoint_images_and_measures"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainingrun",
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
            model_name="foreigngenerator",
            name="project",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="projects.project",
            ),
        ),
        migrations.RunPython(
            put_into_first_project("generation", "trainingrun", "foreigngenerator"), migrations.RunPython.noop
        ),
        migrations.AlterField(
            model_name="trainingrun",
            name="project",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="projects.project"
            ),
        ),
        migrations.AlterField(
            model_name="foreigngenerator",
            name="project",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="projects.project"
            ),
        ),
        migrations.AlterField(
            model_name="trainingrun",
            name="name",
            field=models.CharField(max_length=200),
        ),
        migrations.AddConstraint(
            model_name="trainingrun",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="training_run_name_in_project"),
        ),
        migrations.AlterField(
            model_name="foreigngenerator",
            name="name",
            field=models.CharField(max_length=200),
        ),
        migrations.AddConstraint(
            model_name="foreigngenerator",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="foreign_generator_name_in_project"),
        ),
    ]
