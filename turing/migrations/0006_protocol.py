"""The protocol an investigator chooses: scales, pairs, marks, practice, repeats, orders, phases, limits, groups.

The order of a session is stored with it from here on; sessions of before have the order of the study. Triggers are dropped
before the first change and made again after the last, in either direction, because SQLite loses them on the way.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

from turing.migrations import _triggers

BEFORE = import_module("turing.migrations.0004_leak_report")
INSERT_ONLY = (*BEFORE.INSERT_ONLY, "turing_practicefeedback")
FROZEN = (
    *BEFORE.FROZEN,
    "bit_depth", "scale", "real_label", "synthetic_label", "mark_kind", "asks_comment", "n_practice",
    "practice_feedback", "n_repeats", "order", "block_size", "break_every", "exposure_limit_ms", "time_limit_ms",
    "shows_total", "shows_score", "consent", "closing_text", "group_by", "groups", "follows_id", "washout_days",
)  # fmt: skip


def create_triggers(apps, schema_editor):
    _triggers.create(schema_editor, insert_only=INSERT_ONLY, frozen=FROZEN)
    _triggers.create_protocol(schema_editor)


def drop_triggers(apps, schema_editor):
    _triggers.drop_protocol(schema_editor)
    _triggers.drop(schema_editor, insert_only=INSERT_ONLY)


def drop_triggers_of_before(apps, schema_editor):
    _triggers.drop(schema_editor, insert_only=BEFORE.INSERT_ONLY)


def fill(apps, schema_editor):
    """Until now every reader had the order of the study."""
    Answer, Presentation, Trial, ReadingSession = (
        apps.get_model("turing", name) for name in ("Answer", "Presentation", "Trial", "ReadingSession")
    )
    place = models.Subquery(Trial.objects.filter(pk=models.OuterRef("trial_id")).values("position")[:1])
    Answer.objects.update(position=place)
    Presentation.objects.update(position=place)
    for session in ReadingSession.objects.all():
        trials = Trial.objects.filter(study_id=session.study_id)
        session.trial_order = sorted(trials.values_list("position", flat=True))
        session.save(update_fields=["trial_order"])


class Migration(migrations.Migration):
    dependencies = [
        ("imaging", "0001_initial"),
        ("turing", "0005_reading_room"),
    ]

    operations = [
        migrations.RunPython(drop_triggers_of_before, BEFORE.create_triggers),
        migrations.CreateModel(
            name="Phase",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("title", models.CharField(max_length=100)),
                ("question", models.CharField(max_length=300)),
                ("instructions", models.TextField(blank=True)),
                ("real_label", models.CharField(default="Real", max_length=40)),
                ("synthetic_label", models.CharField(default="Synthetic", max_length=40)),
                ("real_filters", models.JSONField(blank=True, default=dict)),
                ("synthetic_filters", models.JSONField(blank=True, default=dict)),
                ("n_real", models.PositiveIntegerField()),
                ("n_synthetic", models.PositiveIntegerField()),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.CreateModel(
            name="PracticeFeedback",
            fields=[
                (
                    "trial",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="feedback",
                        serialize=False,
                        to="turing.trial",
                    ),
                ),
                (
                    "value",
                    models.CharField(
                        choices=[
                            ("real", "Real"),
                            ("synthetic", "Synthetic"),
                            ("left", "Left"),
                            ("right", "Right"),
                            ("none", "No answer in time"),
                        ],
                        max_length=16,
                    ),
                ),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="answer",
            name="answer_value_known",
        ),
        migrations.RemoveConstraint(
            model_name="trial",
            name="trial_stimulus_unique",
        ),
        migrations.AddField(
            model_name="answer",
            name="comment",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="answer",
            name="marks",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="answer",
            name="position",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="answer",
            name="rating",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="presentation",
            name="position",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="readingsession",
            name="available_from",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="readingsession",
            name="consented_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="readingsession",
            name="grade",
            field=models.CharField(
                blank=True,
                choices=[
                    ("student", "Student"),
                    ("resident", "Resident"),
                    ("fellow", "Fellow"),
                    ("radiologist", "Board-certified radiologist"),
                    ("other", "Other"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="readingsession",
            name="n_correct",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="readingsession",
            name="n_scored",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="readingsession",
            name="phase_read",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="readingsession",
            name="reader_group",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="readingsession",
            name="trial_order",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="readingsession",
            name="years_experience",
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="study",
            name="asks_comment",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="study",
            name="bit_depth",
            field=models.PositiveSmallIntegerField(default=8),
        ),
        migrations.AddField(
            model_name="study",
            name="block_size",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="study",
            name="break_every",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="study",
            name="closing_text",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="study",
            name="consent",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="study",
            name="exposure_limit_ms",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="study",
            name="follows",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="followed_by",
                to="turing.study",
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="group_by",
            field=models.CharField(
                blank=True,
                choices=[("", "No groups"), ("years", "Years of experience in radiology"), ("grade", "Grade")],
                default="",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="groups",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="study",
            name="mark_kind",
            field=models.CharField(
                blank=True, choices=[("", "No marks"), ("point", "Points"), ("box", "Boxes")], default="", max_length=8
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="n_practice",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="study",
            name="n_repeats",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="study",
            name="order",
            field=models.CharField(
                choices=[
                    ("same", "The same for all readers"),
                    ("per_reader", "Drawn anew for each reader"),
                    ("blocks", "In blocks: their order, and the order within each, drawn anew for each reader"),
                ],
                default="same",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="practice_feedback",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="study",
            name="real_label",
            field=models.CharField(default="Real", max_length=40),
        ),
        migrations.AddField(
            model_name="study",
            name="scale",
            field=models.CharField(
                choices=[
                    ("binary", "Real or synthetic"),
                    ("confidence", "Six steps, from surely real to surely synthetic"),
                    ("percent", "0 to 100: how likely it is synthetic"),
                    ("pair", "Two images side by side, one of each kind: which is it? (2AFC)"),
                ],
                default="binary",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="study",
            name="shows_score",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="study",
            name="shows_total",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="study",
            name="synthetic_label",
            field=models.CharField(default="Synthetic", max_length=40),
        ),
        migrations.AddField(
            model_name="study",
            name="time_limit_ms",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="study",
            name="washout_days",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="trial",
            name="block",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="trial",
            name="is_practice",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="trial",
            name="phase",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="trial",
            name="right_file",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="trial",
            name="right_sha256",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="trialtruth",
            name="repeat_of",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="repeats",
                to="turing.trial",
            ),
        ),
        migrations.AddField(
            model_name="trialtruth",
            name="right_image",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="trial_truths_as_right",
                to="imaging.image",
            ),
        ),
        migrations.AddField(
            model_name="trialtruth",
            name="right_label",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AlterField(
            model_name="answer",
            name="value",
            field=models.CharField(
                choices=[
                    ("real", "Real"),
                    ("synthetic", "Synthetic"),
                    ("left", "Left"),
                    ("right", "Right"),
                    ("none", "No answer in time"),
                ],
                max_length=16,
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(model_name="answer", name="position", field=models.PositiveIntegerField()),
        migrations.AlterField(model_name="presentation", name="position", field=models.PositiveIntegerField()),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.UniqueConstraint(fields=("session", "position"), name="answer_position_unique"),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.CheckConstraint(
                condition=models.Q(("value__in", ["real", "synthetic", "left", "right", "none"])),
                name="answer_value_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.CheckConstraint(
                condition=models.Q(("rating__isnull", True), ("rating__lte", 100), _connector="OR"),
                name="answer_rating_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="presentation",
            constraint=models.UniqueConstraint(fields=("session", "position"), name="presentation_position_unique"),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(("bit_depth__in", [8, 16])), name="study_bit_depth_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(("scale__in", ["binary", "confidence", "percent", "pair"])), name="study_scale_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(("mark_kind__in", ["", "point", "box"])), name="study_mark_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(("group_by__in", ["", "years", "grade"])), name="study_group_by_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("block_size", 0), ("order__in", ["same", "per_reader"])),
                    models.Q(("block_size__gte", 2), ("order", "blocks")),
                    _connector="OR",
                ),
                name="study_order_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("scale", "pair"), _negated=True), ("n_real", models.F("n_synthetic")), _connector="OR"
                ),
                name="study_pairs_are_even",
            ),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(("washout_days", 0), ("follows__isnull", False), _connector="OR"),
                name="study_washout_has_first",
            ),
        ),
        migrations.AddConstraint(
            model_name="trial",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("right_file", ""), ("right_sha256", "")),
                    models.Q(
                        models.Q(("right_file", ""), _negated=True), models.Q(("right_sha256", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="trial_pair_has_both",
            ),
        ),
        migrations.AddConstraint(
            model_name="trialtruth",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("repeat_of__isnull", True),
                    models.Q(("repeat_of", models.F("trial")), _negated=True),
                    _connector="OR",
                ),
                name="truth_no_repeat_of_itself",
            ),
        ),
        migrations.AddField(
            model_name="phase",
            name="real_dataset",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="phases_as_real", to="imaging.dataset"
            ),
        ),
        migrations.AddField(
            model_name="phase",
            name="study",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="later_phases", to="turing.study"
            ),
        ),
        migrations.AddField(
            model_name="phase",
            name="synthetic_dataset",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="phases_as_synthetic", to="imaging.dataset"
            ),
        ),
        migrations.AddConstraint(
            model_name="phase",
            constraint=models.UniqueConstraint(fields=("study", "number"), name="phase_number_unique"),
        ),
        migrations.AddConstraint(
            model_name="phase",
            constraint=models.CheckConstraint(condition=models.Q(("number__gte", 2)), name="phase_number_from_two"),
        ),
        migrations.AddConstraint(
            model_name="phase",
            constraint=models.CheckConstraint(
                condition=models.Q(("n_real__gte", 1), ("n_synthetic__gte", 1)), name="phase_has_images"
            ),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
    ]
