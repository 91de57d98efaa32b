"""The answers of a closed study as the table that every analysis starts from. Reads truth: for investigators only."""

import math
from collections.abc import Sequence

import numpy as np

from turing.analysis.answers import CLASSES, MISSING, SIDES, Answers, code_labels
from turing.errors import StudyError
from turing.models import Response, Scale, Study
from turing.results.rows import AnswerRow, answer_rows
from turing.scales import RANGES

SIMULATED = " (simulated)"  # after the code of a reader whose answers a program drew


def study_answers(study: Study, *, include_simulated: bool = False, phase: int = 0) -> Answers:
    """Every answer but practice; the later answers to repeats are marked as such, not left out.

    Readers are named by their codes, simulated ones with " (simulated)" behind; images by "I" and the first 12 digits
    of the pixel hash, as in the export. The reference group is the study's first. `phase`: one only; 0: all together.

    Raises
    ------
    StudyError : the study is not closed, or nobody's answers are left.
    """
    rows = [row for row in answer_rows(study) if not row.is_practice and phase in (0, row.phase)]
    kept = [row for row in rows if include_simulated or not row.is_simulated]
    if not kept:
        raise StudyError(_nothing_left(study, rows, phase))
    names = _image_names(kept)
    readers, reader = code_labels([_reader_name(row) for row in kept])
    images, image = code_labels([names[row.picture] for row in kept])
    is_pairs = study.scale == Scale.PAIR
    code = {name: place for place, name in enumerate(SIDES if is_pairs else CLASSES)} | {Response.NONE.value: MISSING}
    reader_group, groups, group_notes = _groups(study, kept, readers)
    return Answers(
        reader=reader,
        image=image,
        truth=np.array([code[row.truth] for row in kept]),
        answer=np.array([code[row.answer] for row in kept]),
        seconds=np.array([math.nan if row.seconds is None else row.seconds for row in kept]),
        readers=readers,
        images=images,
        rating=_ratings(kept) if study.scale in RANGES else None,
        position=np.array([row.reader_position for row in kept]),
        is_repeat=np.array([row.is_later for row in kept]),
        flagged=np.array([bool(row.flags) for row in kept]),
        reader_group=reader_group,
        groups=groups,
        group_name="grade" if study.group_by == "grade" else "experience",
        covariates=_covariates(kept),
        positive_class=study.positive_class,
        is_pairs=is_pairs,
        source=study.name,
        notes=(*_left_out(study, rows, kept), *group_notes),
    )


def _nothing_left(study: Study, rows: Sequence[AnswerRow], phase: int) -> str:
    where = f" in phase {phase}" if phase else ""
    if any(row.is_simulated for row in rows):
        return (
            f"“{study}” has answers of simulated readers only{where}: there is nothing to report unless they are "
            "included."
        )
    return f"Nobody answered “{study}”{where}: there is nothing to report."


def _reader_name(row: AnswerRow) -> str:
    return f"{row.reader}{SIMULATED}" if row.is_simulated else row.reader


def _image_names(rows: Sequence[AnswerRow]) -> dict[int, str]:
    """Name of each picture. Where two have the same pixels (in two phases), the position tells them apart."""
    plain = {
        row.picture: " | ".join(f"I{sha256[:12]}" for sha256 in (row.pixel_sha256, row.right_sha256) if sha256)
        for row in rows
    }
    positions = {row.picture: row.position for row in reversed(rows) if not row.is_later}
    of_name: dict[str, list[int]] = {}
    for picture, name in plain.items():
        of_name.setdefault(name, []).append(picture)
    return {
        picture: name if len(of_name[name]) == 1 else f"{name} (trial {positions.get(picture, picture)})"
        for picture, name in plain.items()
    }


def _ratings(rows: Sequence[AnswerRow]) -> np.ndarray:
    return np.array([math.nan if row.rating is None else float(row.rating) for row in rows])


def _groups(
    study: Study, rows: Sequence[AnswerRow], readers: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Group of each reader, levels in the study's order, notes."""
    of_reader = {_reader_name(row): row.group for row in rows}
    levels = [str(group["name"]) for group in study.groups if str(group["name"]) in of_reader.values()]
    if len(levels) < 2:
        notes = (f"All readers are in the group “{levels[0]}”: there are no groups to compare.",) if levels else ()
        return ("",) * len(readers), (), notes
    reader_group = tuple(of_reader[name] if of_reader[name] in levels else "" for name in readers)
    without = [name for name, group in zip(readers, reader_group, strict=True) if not group]
    return (
        reader_group,
        tuple(levels),
        (f"Without a group, so in no comparison of groups: {', '.join(without)}.",) if without else (),
    )


def _covariates(rows: Sequence[AnswerRow]) -> dict[str, np.ndarray]:
    """What may bear on an answer beside the group, as far as it varies."""
    columns = {
        "label": np.array([row.label for row in rows]),
        "phase": np.array([float(row.phase) for row in rows]),
        "block": np.array([float(row.block) if row.block else math.nan for row in rows]),
        "years": np.array([math.nan if row.years_experience is None else row.years_experience for row in rows]),
        "grade": np.array([row.grade for row in rows]),
    }
    return {name: values for name, values in columns.items() if len({str(v) for v in values} - {"", "nan"}) > 1}


def _left_out(study: Study, rows: Sequence[AnswerRow], kept: Sequence[AnswerRow]) -> list[str]:
    """What a report must say of answers that are not in it, and of those that would be taken for more than they are."""
    notes = []
    simulated = {row.reader for row in rows if row.is_simulated}
    if len(kept) < len(rows):
        notes.append(f"Left out: {len(rows) - len(kept)} answers of {len(simulated)} simulated readers.")
    elif simulated:
        notes.append(f"The answers of {', '.join(sorted(simulated))} were drawn by a program, not given by people.")
    shown = {row.picture for row in rows}
    of_reader = {
        reader: {row.picture for row in kept if row.reader == reader} for reader in {row.reader for row in kept}
    }
    stopped = [f"{reader} ({len(seen)} of {len(shown)})" for reader, seen in sorted(of_reader.items()) if seen != shown]
    if stopped:
        what = "pairs" if study.scale == Scale.PAIR else "images"
        notes.append(
            f"Did not answer all {what}: {', '.join(stopped)}. Fleiss’ kappa here uses the {what} that every reader "
            "answered; the results page leaves these readers out of it instead."
        )
    silent = study.sessions.exclude(reader_code__in={row.reader for row in rows}).values_list("reader_code", flat=True)
    if silent:
        notes.append(f"Invited and without any answer, so in no table: {', '.join(sorted(silent))}.")
    return notes
