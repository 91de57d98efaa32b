"""Records lie in projects; a name is taken within one."""

import django.db.models.deletion
from django.db import migrations, models

from config.projects.migrations._filling import put_into_first_project


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0001_initial"),
        ("classification", "0004_screenings"),
    ]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="project",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="projects.project",
            ),
        ),
        migrations.RunPython(put_into_first_project("classification", "experiment"), migrations.RunPython.noop),
        migrations.AlterField(
            model_name="experiment",
            name="project",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="projects.project"
            ),
        ),
        migrations.AlterField(
            model_name="experiment",
            name="name",
            field=models.CharField(max_length=200),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="experiment_name_in_project"),
        ),
    ]
