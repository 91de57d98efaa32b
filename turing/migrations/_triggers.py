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
    changed = " OR ".join(f'OLD."{column}" IS NOT NEW."{column}"' for column in frozen)
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
    changed = " OR ".join(f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in frozen)
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


PHASE_MESSAGE = "an opened study is frozen: its phases cannot be changed"
ORDER_MESSAGE = "the order of a reading session is locked: it cannot be changed"
FEEDBACK_MESSAGE = "only practice trials have feedback"
_STUDY_OPENED = "EXISTS (SELECT 1 FROM turing_study WHERE id = {row}.study_id AND status <> 'draft')"
_NO_PRACTICE = "NOT EXISTS (SELECT 1 FROM turing_trial WHERE id = NEW.trial_id AND is_practice)"


def create_protocol(schema_editor):
    """Phases are frozen with their study, the order of a session is locked, and only practice trials have feedback."""
    drop_protocol(schema_editor)
    makers = {"sqlite": _create_protocol_sqlite, "postgresql": _create_protocol_postgresql}
    makers[schema_editor.connection.vendor](_executor(schema_editor))


def drop_protocol(schema_editor):
    execute = _executor(schema_editor)
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("insert", "update", "delete"):
            execute(f"DROP TRIGGER IF EXISTS turing_phase_no_{verb}")
        execute("DROP TRIGGER IF EXISTS turing_readingsession_order")
        execute("DROP TRIGGER IF EXISTS turing_practicefeedback_practice")
    else:
        for table, name in (
            ("turing_phase", "turing_phase_frozen"),
            ("turing_readingsession", "turing_readingsession_order"),
            ("turing_practicefeedback", "turing_practicefeedback_practice"),
        ):
            execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
            execute(f"DROP FUNCTION IF EXISTS {name}()")


def _create_protocol_sqlite(execute):
    for verb, rows in (("insert", ("NEW",)), ("update", ("OLD", "NEW")), ("delete", ("OLD",))):
        opened = " OR ".join(_STUDY_OPENED.format(row=row) for row in rows)
        execute(
            f"CREATE TRIGGER turing_phase_no_{verb} BEFORE {verb.upper()} ON turing_phase WHEN {opened} "
            f"BEGIN SELECT RAISE(ABORT, '{PHASE_MESSAGE}'); END"
        )
    execute(
        "CREATE TRIGGER turing_readingsession_order BEFORE UPDATE ON turing_readingsession "
        "WHEN OLD.trial_order IS NOT NEW.trial_order "
        f"BEGIN SELECT RAISE(ABORT, '{ORDER_MESSAGE}'); END"
    )
    execute(
        "CREATE TRIGGER turing_practicefeedback_practice BEFORE INSERT ON turing_practicefeedback "
        f"WHEN {_NO_PRACTICE} BEGIN SELECT RAISE(ABORT, '{FEEDBACK_MESSAGE}'); END"
    )


def _create_protocol_postgresql(execute):
    refusal = "RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation';"
    phase = " OR ".join(
        f"(TG_OP <> '{other}' AND {_STUDY_OPENED.format(row=row)})"
        for row, other in (("NEW", "DELETE"), ("OLD", "INSERT"))
    )
    for table, name, when, condition, message, last in (
        ("turing_phase", "turing_phase_frozen", "INSERT OR UPDATE OR DELETE", phase, PHASE_MESSAGE,
         "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;"),
        ("turing_readingsession", "turing_readingsession_order", "UPDATE",
         "OLD.trial_order IS DISTINCT FROM NEW.trial_order", ORDER_MESSAGE, "RETURN NEW;"),
        ("turing_practicefeedback", "turing_practicefeedback_practice", "INSERT", _NO_PRACTICE, FEEDBACK_MESSAGE,
         "RETURN NEW;"),
    ):  # fmt: skip
        execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {condition} THEN {refusal.format(message=message)} END IF; {last} END $$"
        )
        execute(f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def _executor(schema_editor):
    # params=None: a % in the text of a trigger is no placeholder
    return lambda sql: schema_editor.execute(sql, params=None)
