from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("worker", "0001_initial")]

    operations = [
        migrations.AddField(model_name="job", name="seconds_left", field=models.FloatField(blank=True, null=True)),
    ]
