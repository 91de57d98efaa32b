"""Triggers that keep the record of a study: what was answered and what was shown cannot be changed or removed.

Insert-only: answers, trials and their truth. A study that has been opened keeps its protocol and cannot be deleted, nor
go back to an earlier status. The error of the database reaches Django as IntegrityError.

On SQLite a later migration that alters one of these tables makes it anew without its triggers: it must end with the
operation of this one again (tests/turing/test_triggers.py fails otherwise).
"""

from django.db import migrations

INSERT_ONLY = ("turing_answer", "turing_trial", "turing_trialtruth")
FROZEN = (
    "id", "name", "question", "instructions", "positive_class", "real_dataset_id", "synthetic_dataset_id",
    "real_filters", "synthetic_filters", "n_real", "n_synthetic", "seed", "image_size", "is_example",
    "protocol", "protocol_sha256", "manifest_sha256", "opened_at",
)  # fmt: skip
STEP_BACK = "(OLD.status = 'open' AND NEW.status = 'draft') OR (OLD.status = 'closed' AND NEW.status <> 'closed')"
INSERT_ONLY_MESSAGE = "{table} is insert-only: its rows cannot be changed or removed"
STUDY_MESSAGE = "an opened study is frozen: it cannot be changed, deleted or opened again"


def create_sqlite(execute):
    for table in INSERT_ONLY:
        message = INSERT_ONLY_MESSAGE.format(table=table)
        for verb in ("update", "delete"):
            execute(
                f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in FROZEN)
    execute(
        "CREATE TRIGGER turing_study_frozen BEFORE UPDATE ON turing_study "
        f"WHEN OLD.status <> 'draft' AND ({changed} OR {STEP_BACK}) "
        f"BEGIN SELECT RAISE(ABORT, '{STUDY_MESSAGE}'); END"
    )
    execute(
        "CREATE TRIGGER turing_study_no_delete BEFORE DELETE ON turing_study WHEN OLD.status <> 'draft' "
        f"BEGIN SELECT RAISE(ABORT, '{STUDY_MESSAGE}'); END"
    )


def drop_sqlite(execute):
    for table in INSERT_ONLY:
        for verb in ("update", "delete"):
            execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
    execute("DROP TRIGGER IF EXISTS turing_study_frozen")
    execute("DROP TRIGGER IF EXISTS turing_study_no_delete")


def create_postgresql(execute):
    for name, message in (
        ("turing_refuse_change", INSERT_ONLY_MESSAGE.format(table="%")),
        ("turing_refuse_study", STUDY_MESSAGE),
    ):
        argument = ", TG_TABLE_NAME" if "%" in message else ""
        execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '{message}'{argument} USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
    for table in INSERT_ONLY:
        execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION turing_refuse_change()"
        )
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in FROZEN)
    execute(
        "CREATE TRIGGER turing_study_frozen BEFORE UPDATE ON turing_study FOR EACH ROW "
        f"WHEN (OLD.status <> 'draft' AND ({changed} OR {STEP_BACK})) EXECUTE FUNCTION turing_refuse_study()"
    )
    execute(
        "CREATE TRIGGER turing_study_no_delete BEFORE DELETE ON turing_study FOR EACH ROW "
        "WHEN (OLD.status <> 'draft') EXECUTE FUNCTION turing_refuse_study()"
    )


def drop_postgresql(execute):
    for table in INSERT_ONLY:
        execute(f"DROP TRIGGER IF EXISTS {table}_insert_only ON {table}")
    execute("DROP TRIGGER IF EXISTS turing_study_frozen ON turing_study")
    execute("DROP TRIGGER IF EXISTS turing_study_no_delete ON turing_study")
    execute("DROP FUNCTION IF EXISTS turing_refuse_change()")
    execute("DROP FUNCTION IF EXISTS turing_refuse_study()")


def create_triggers(apps, schema_editor):
    drop_triggers(apps, schema_editor)
    {"sqlite": create_sqlite, "postgresql": create_postgresql}[schema_editor.connection.vendor](
        _executor(schema_editor)
    )


def drop_triggers(apps, schema_editor):
    {"sqlite": drop_sqlite, "postgresql": drop_postgresql}[schema_editor.connection.vendor](_executor(schema_editor))


def _executor(schema_editor):
    # params=None: a % in the text of a trigger is no placeholder
    return lambda sql: schema_editor.execute(sql, params=None)


class Migration(migrations.Migration):
    dependencies = [("turing", "0001_initial")]

    operations = [migrations.RunPython(create_triggers, drop_triggers)]
