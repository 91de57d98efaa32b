"""Records lie in projects; a name is taken within one."""

import django.db.models.deletion
from django.db import migrations, models

from config.projects.migrations._filling import put_into_first_project


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0001_initial"),
        ("worker", "0002_job_seconds_left"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="project",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="projects.project",
            ),
        ),
        migrations.RunPython(put_into_first_project("worker", "job"), migrations.RunPython.noop),
        migrations.AlterField(
            model_name="job",
            name="project",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="projects.project"
            ),
        ),
    ]
