"""The image ahead, attendances with their screens, and pauses.

SQLite makes the table of answers anew and loses its triggers on the way: they are made again at the end, in either
direction.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

import turing.models.reading

TRIGGERS = import_module("turing.migrations.0004_leak_report")


def make_old_presentations_current(apps, schema_editor):
    """Before this migration a presentation was made when its trial became current."""
    Presentation = apps.get_model("turing", "Presentation")
    Presentation.objects.filter(became_current_at=None).update(became_current_at=models.F("created_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("turing", "0004_leak_report"),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, TRIGGERS.create_triggers),
        migrations.AddField(
            model_name="answer",
            name="paused_ms",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="presentation",
            name="after_break",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="presentation",
            name="became_current_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="presentation",
            name="sent_ahead_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="Attendance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "token",
                    models.CharField(default=turing.models.reading.new_presentation_token, max_length=64, unique=True),
                ),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("browser", models.CharField(blank=True, max_length=300)),
                ("screen_width", models.PositiveIntegerField(blank=True, null=True)),
                ("screen_height", models.PositiveIntegerField(blank=True, null=True)),
                ("pixel_ratio", models.FloatField(blank=True, null=True)),
                ("zoom_percent", models.PositiveIntegerField(blank=True, null=True)),
                ("stage_side", models.PositiveIntegerField(blank=True, null=True)),
                ("sees_dark_patch", models.BooleanField(blank=True, null=True)),
                ("sees_light_patch", models.BooleanField(blank=True, null=True)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attendances",
                        to="turing.readingsession",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.RunPython(make_old_presentations_current, migrations.RunPython.noop),
        migrations.RunPython(TRIGGERS.create_triggers, migrations.RunPython.noop),
    ]
