from django.db import migrations, models


def name_by_need(apps, schema_editor):
    """Until now there was one queue for all that takes long."""
    apps.get_model("worker", "Job").objects.filter(queue="heavy").update(queue="gpu", gpus=1)


def name_by_length(apps, schema_editor):
    jobs = apps.get_model("worker", "Job").objects
    jobs.filter(queue="gpu").update(queue="heavy")
    jobs.exclude(queue="heavy").update(queue="light")


class Migration(migrations.Migration):
    dependencies = [
        ("worker", "0003_projects"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="gpus",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="job",
            name="queue",
            field=models.CharField(
                choices=[
                    ("light", "Light (somebody waits for it)"),
                    ("cpu", "Processor (imports, reports)"),
                    ("gpu", "Graphics card (training)"),
                ],
                default="light",
                max_length=16,
            ),
        ),
        migrations.RunPython(name_by_need, name_by_length),
    ]
