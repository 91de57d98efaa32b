"""SQL of the triggers, for migrations. Each migration names the tables and columns as they are at its point.

`create` drops what is there first, so a migration that made a table anew (as SQLite does to alter one), or that has more to
protect, calls it at its end with the complete lists.
"""

STEP_BACK = "(OLD.status = 'open' AND NEW.status = 'draft') OR (OLD.status = 'closed' AND NEW.status <> 'closed')"
INSERT_ONLY_MESSAGE = "{table} is insert-only: its rows cannot be changed or removed"
STUDY_MESSAGE = "an opened study is frozen: it cannot be changed, deleted or opened again"


def create(schema_editor, *, insert_only, frozen):
    """`insert_only`: tables; `frozen`: columns of a study that cannot change once it is open."""
    drop(schema_editor, insert_only=insert_only)
    makers = {"sqlite": _create_sqlite, "postgresql": _create_postgresql}
    makers[schema_editor.connection.vendor](_executor(schema_editor), insert_only, frozen)


def drop(schema_editor, *, insert_only):
    droppers = {"sqlite": _drop_sqlite, "postgresql": _drop_postgresql}
    droppers[schema_editor.connection.vendor](_executor(schema_editor), insert_only)


def _create_sqlite(execute, insert_only, frozen):
    for table in insert_only:
        message = INSERT_ONLY_MESSAGE.format(table=table)
        for verb in ("update", "delete"):
            execute(
                f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in frozen)
    execute(
        "CREATE TRIGGER turing_study_frozen BEFORE UPDATE ON turing_study "
        f"WHEN OLD.status <> 'draft' AND ({changed} OR {STEP_BACK}) "
        f"BEGIN SELECT RAISE(ABORT, '{STUDY_MESSAGE}'); END"
    )
    execute(
        "CREATE TRIGGER turing_study_no_delete BEFORE DELETE ON turing_study WHEN OLD.status <> 'draft' "
        f"BEGIN SELECT RAISE(ABORT, '{STUDY_MESSAGE}'); END"
    )


def _drop_sqlite(execute, insert_only):
    for table in insert_only:
        for verb in ("update", "delete"):
            execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
    execute("DROP TRIGGER IF EXISTS turing_study_frozen")
    execute("DROP TRIGGER IF EXISTS turing_study_no_delete")


def _create_postgresql(execute, insert_only, frozen):
    for name, message in (
        ("turing_refuse_change", INSERT_ONLY_MESSAGE.format(table="%")),
        ("turing_refuse_study", STUDY_MESSAGE),
    ):
        argument = ", TG_TABLE_NAME" if "%" in message else ""
        execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '{message}'{argument} USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
    for table in insert_only:
        execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION turing_refuse_change()"
        )
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in frozen)
    execute(
        "CREATE TRIGGER turing_study_frozen BEFORE UPDATE ON turing_study FOR EACH ROW "
        f"WHEN (OLD.status <> 'draft' AND ({changed} OR {STEP_BACK})) EXECUTE FUNCTION turing_refuse_study()"
    )
    execute(
        "CREATE TRIGGER turing_study_no_delete BEFORE DELETE ON turing_study FOR EACH ROW "
        "WHEN (OLD.status <> 'draft') EXECUTE FUNCTION turing_refuse_study()"
    )


def _drop_postgresql(execute, insert_only):
    for table in insert_only:
        execute(f"DROP TRIGGER IF EXISTS {table}_insert_only ON {table}")
    execute("DROP TRIGGER IF EXISTS turing_study_frozen ON turing_study")
    execute("DROP TRIGGER IF EXISTS turing_study_no_delete ON turing_study")
    execute("DROP FUNCTION IF EXISTS turing_refuse_change()")
    execute("DROP FUNCTION IF EXISTS turing_refuse_study()")


def _executor(schema_editor):
    # params=None: a % in the text of a trigger is no placeholder
    return lambda sql: schema_editor.execute(sql, params=None)
