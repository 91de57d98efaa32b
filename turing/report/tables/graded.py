"""Graded answers: areas under ROC curves, of each reader and averaged with readers and images both random."""

import math
from collections.abc import Iterator

from turing.analysis.parts import Analysis, Graded, GradedReader, ReaderAverages
from turing.report.document import Row, Table, Value, data_of
from turing.report.formatting import ci, estimate, number, p_value
from turing.report.tables.notes import Notes


def graded_table(analysis: Analysis) -> Table | None:
    """One row per reader; None without ratings."""
    graded = analysis.graded
    if graded is None or not graded.readers:
        return None
    confidence = ci(analysis.options.confidence)
    notes = Notes(
        f"Ratings: {graded.scale}; synthetic images are the ones to be found. Empirical area with DeLong’s interval; "
        "binormal area by maximum likelihood. Partial area: where at most one in ten real images is called synthetic, "
        "standardised (McClish: 0.5 says nothing, 1 is perfect), with a bootstrap interval."
    )
    has_calibration = any(reader.calibration is not None for reader in graded.readers)
    columns: tuple[str, ...] = (
        "Reader",
        "Ratings (real; synthetic)",
        f"AUC, empirical ({confidence})",
        f"AUC, binormal ({confidence})",
        f"Partial area ({confidence})",
    )
    if has_calibration:
        columns += ("Brier score", "p of calibration")
        notes.add(
            "Brier score: mean squared error of the stated probability (0: perfect; 0.25: always “50 %”). A small p of "
            "calibration (Spiegelhalter): what is stated is not what happens."
        )
    return Table(
        key="graded",
        title="Graded answers: area under the ROC curve of each reader",
        columns=columns,
        rows=tuple(_reader_row(reader, notes, has_calibration=has_calibration) for reader in graded.readers),
        data=data_of(_READER_COLUMNS, _reader_data(graded)),
        notes=notes.texts,
    )


def _reader_row(reader: GradedReader, notes: Notes, *, has_calibration: bool) -> Row:
    area, binormal, partial, calibration = reader.area, reader.binormal, reader.partial, reader.calibration
    cells = [
        reader.name,
        f"{area.n_controls}; {area.n_cases}",
        _with_limits(area.auc, area.low, area.high, area.reason, notes),
        _with_limits(binormal.auc, binormal.low, binormal.high, binormal.reason, notes),
        _with_limits(partial.corrected, partial.low, partial.high, partial.reason, notes),
    ]
    if has_calibration:
        defined = calibration is not None and calibration.is_defined
        reason = calibration.reason if calibration is not None else "ratings are steps, not probabilities"
        cells += (
            [number(calibration.brier, 3), p_value(calibration.p)]
            if calibration is not None and defined
            else [notes.not_estimable(reason)] * 2
        )
    return Row(tuple(cells))


def _with_limits(value: float, low: float, high: float, reason: str, notes: Notes) -> str:
    if math.isnan(value):
        return notes.not_estimable(reason or "there are too few ratings")
    if math.isnan(low):
        return f"{number(value)} {notes.mark(reason or 'No interval.')}"
    return estimate(value, low, high)


_READER_COLUMNS = (
    *("reader", "n_real", "n_synthetic", "auc", "se", "low", "high", "reason"),
    *("binormal_auc", "binormal_se", "binormal_low", "binormal_high", "binormal_a", "binormal_b", "binormal_reason"),
    *("partial_area", "partial_corrected", "partial_low", "partial_high"),
    *("brier", "brier_low", "brier_high", "calibration_p"),
)


def _reader_data(graded: Graded) -> Iterator[tuple[Value, ...]]:
    for reader in graded.readers:
        a, b, p, c = reader.area, reader.binormal, reader.partial, reader.calibration
        yield (
            *(reader.name, a.n_controls, a.n_cases, a.auc, a.se, a.low, a.high, a.reason),
            *(b.auc, b.se_auc, b.low, b.high, b.a, b.b, b.reason),
            *(p.area, p.corrected, p.low, p.high),
            *((None,) * 4 if c is None else (c.brier, c.brier_low, c.brier_high, c.p)),
        )


def averages_table(analysis: Analysis) -> Table | None:
    """All readers and each group; None without ratings (or pairs)."""
    graded = analysis.graded
    if graded is None or not graded.averages:
        return None
    confidence = ci(analysis.options.confidence)
    is_pairs = analysis.answers.is_pairs
    notes = Notes(
        "Intervals with readers and images both random: for other readers and images of the same kinds. “These "
        "readers”: only the images are random.",
        "U-statistics: Gallas 2006 (as the program iMRMC). Obuchowski and Rockette 1995, for a single condition.",
    )
    if is_pairs:
        notes.add("Of pairs, the share of right choices is the area under the ROC curve (no preference for a side).")
    rows = tuple(_average_row(one, notes) for one in graded.averages)
    return Table(
        key="graded-averages",
        title="Area under the ROC curve, averaged over readers",
        columns=(
            "Readers",
            "Number",
            f"U-statistics ({confidence})",
            "p against 0.5",
            f"Obuchowski-Rockette ({confidence})",
            "p against 0.5",
            f"These readers ({confidence})",
        ),
        rows=rows,
        data=data_of(_AVERAGE_COLUMNS, _average_data(graded)),
        notes=notes.texts,
        widths=(1, 0.8, 1.4, 0.9, 1.6, 0.9, 1.4),
    )


def _average_row(one: ReaderAverages, notes: Notes) -> Row:
    u, other = one.u_statistics, one.obuchowski_rockette
    for note in u.notes:
        notes.add(note)
    if other is None:
        of_other = (notes.mark("Not for pairs."),) * 2
    else:
        of_other = (_with_limits(other.estimate, other.low, other.high, other.reason, notes), _p(other.p_half, notes))
    return Row(
        (
            "All readers" if one.name == "all" else f"Group {one.name}",
            str(u.n_readers),
            _with_limits(u.estimate, u.low, u.high, u.reason, notes),
            _p(u.p_half, notes),
            *of_other,
            _with_limits(u.estimate, u.low_images, u.high_images, u.reason, notes),
        )
    )


def _p(p: float, notes: Notes) -> str:
    return notes.not_estimable("without a standard error there is no test") if math.isnan(p) else p_value(p)


_AVERAGE_COLUMNS = (
    *("readers", "n_readers", "n_real", "n_synthetic", "mean", "se", "df", "low", "high", "p_half"),
    *("se_images", "low_images", "high_images", "reason"),
    *("or_mean", "or_se", "or_df", "or_low", "or_high", "or_p_half", "or_reason"),
)


def _average_data(graded: Graded) -> Iterator[tuple[Value, ...]]:
    for one in graded.averages:
        u, o = one.u_statistics, one.obuchowski_rockette
        yield (
            *(one.name, u.n_readers, u.n_real, u.n_synthetic, u.estimate, u.se, u.df, u.low, u.high, u.p_half),
            *(u.se_images, u.low_images, u.high_images, u.reason),
            *((None,) * 7 if o is None else (o.estimate, o.se, o.df, o.low, o.high, o.p_half, o.reason)),
        )
