"""Progress is counted in real images seen. What older runs counted in iterations is multiplied by their batch size."""

from django.db import migrations, models
from django.db.models import F


def count_in_images(apps, schema_editor):
    for run in apps.get_model("generation", "TrainingRun").objects.all():
        batch = int(run.config.get("batch_size", 1))
        run.checkpoints.update(images_seen=F("iteration") * batch)
        for name in ("JobMetric", "JobArtefact"):
            rows = apps.get_model("worker", name).objects.filter(job_id=run.job_id, step__isnull=False)
            for row in rows.order_by("-step"):  # from the last: no step is ever there twice
                row.step *= batch
                row.save(update_fields=["step"])
        apps.get_model("worker", "Job").objects.filter(pk=run.job_id, progress_unit="iterations").update(
            progress_done=F("progress_done") * batch,
            progress_total=F("progress_total") * batch,
            progress_best=F("progress_best") * batch,
            progress_unit="images seen",
        )


class Migration(migrations.Migration):
    dependencies = [("generation", "0003_generators_from_elsewhere"), ("worker", "0002_job_seconds_left")]

    operations = [
        migrations.AddField("checkpoint", "images_seen", models.PositiveBigIntegerField(default=0)),
        migrations.AddField("checkpoint", "measures", models.JSONField(blank=True, default=dict)),
        migrations.AddField("checkpoint", "is_milestone", models.BooleanField(default=True)),
        migrations.AddField("trainingrun", "limits", models.JSONField(blank=True, default=dict)),
        migrations.AddField("trainingrun", "keep_best", models.PositiveSmallIntegerField(default=3)),
        migrations.AddField("trainingrun", "best_by", models.CharField(blank=True, max_length=32)),
        migrations.RunPython(count_in_images, migrations.RunPython.noop),
    ]
