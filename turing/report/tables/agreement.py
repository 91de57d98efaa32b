"""Table 2: agreement between readers; further tables: of each pair of readers, and of readers with themselves."""

import math
from collections.abc import Iterator

from turing.analysis.parts import AgreementPart, Analysis
from turing.report.document import Row, Table, Value, data_of
from turing.report.formatting import NONE, ci, estimate, interval, number, proportion
from turing.report.tables.notes import IMAGES, Notes
from turing.stats.agreement import FleissKappa
from turing.stats.agreement_bootstrap import BootstrapInterval
from turing.stats.gwet import AgreementCoefficient
from turing.stats.retest import CohenKappa


def agreement_table(analysis: Analysis) -> Table:
    """Fleiss' kappa with all its intervals, each labelled, and what keeps missing answers."""
    confidence = ci(analysis.options.confidence)
    notes = Notes(
        "Fleiss’ κ: of the images that every reader answered. Interval to be read: standard error of Gwet (2021), "
        "which does not assume that readers agree by chance only. The interval with the null standard error does "
        "assume it (Fleiss, Nee and Landis 1979); published studies print it, and it is too narrow once κ is above 0.",
        "Missing answers kept: every image with two answers or more (Gwet). AC1 does not collapse when nearly all "
        "answers are the same.",
        f"Bootstrap over images: percentiles of {analysis.options.n_bootstrap_kappa:,} draws, seed "
        f"{analysis.options.seed}. {NONE}: not made for this coefficient or for groups.",
    )
    rows = [row for part in analysis.agreement.parts.values() for row in _rows(part, notes)]
    for part in analysis.agreement.groups.values():
        rows += _rows(part, notes)
    return Table(
        key="agreement",
        title="Agreement between readers",
        columns=(
            "Coefficient",
            f"Estimate ({confidence})",
            f"{confidence}, jackknife",
            f"{confidence}, bootstrap",
            f"{confidence}, null SE",
        ),
        rows=tuple(rows),
        data=data_of(_DATA_COLUMNS, _data(analysis)),
        notes=notes.texts,
        widths=(1.6, 1.6, 1.2, 1.2, 1.2),
    )


def _rows(part: AgreementPart, notes: Notes) -> Iterator[Row]:
    images = IMAGES.get(part.images, part.images)
    who = f"Group {part.readers}, {images.lower()}" if part.readers != "all" else images
    fleiss, gwet, bootstrap = part.fleiss, part.gwet, part.bootstrap
    yield Row((f"{who}: {fleiss.n_used} of {fleiss.n_images} answered by every reader",), "group")
    if fleiss.is_defined:
        jackknife = _jackknife(fleiss)
        alone = "Leaving out an image leaves answers that are all equal, or one image alone."
        yield Row(
            (
                "Fleiss’ κ",
                estimate(fleiss.kappa, fleiss.low, fleiss.high),
                interval(*jackknife) if not math.isnan(jackknife[0]) else notes.not_estimable(alone),
                _drawn(bootstrap.fleiss if bootstrap is not None else None, notes),
                interval(fleiss.low_null, fleiss.high_null),
            )
        )
    else:
        yield Row(("Fleiss’ κ", *[notes.not_estimable(fleiss.reason, who)] * 4))
    for name, value, drawn in (
        ("κ, missing answers kept", gwet.kappa, bootstrap.kappa if bootstrap is not None else None),
        ("AC1, missing answers kept", gwet.ac1, bootstrap.ac1 if bootstrap is not None else None),
        ("Raw agreement", gwet.observed, None),
    ):
        yield Row((name, _coefficient(value, who, notes), NONE, _drawn(drawn, notes), NONE))


def _drawn(bootstrap: BootstrapInterval | None, notes: Notes) -> str:
    if bootstrap is None:
        return NONE
    return interval(bootstrap.low, bootstrap.high) if bootstrap.is_defined else notes.not_estimable(bootstrap.reason)


def _jackknife(fleiss: FleissKappa) -> tuple[float, float]:
    """The normal interval of the jackknife standard error, at the level of the one with the null standard error."""
    half = (fleiss.high_null - fleiss.kappa) / fleiss.se_null * fleiss.se_jackknife
    return fleiss.kappa - half, fleiss.kappa + half


def _coefficient(value: AgreementCoefficient, who: str, notes: Notes) -> str:
    if not value.is_defined:
        return notes.not_estimable(value.reason, who)
    if math.isnan(value.low):
        return f"{number(value.estimate)} {notes.mark(value.reason or 'No interval.', who)}"
    return estimate(value.estimate, value.low, value.high)


_DATA_COLUMNS = (
    *("readers", "images", "n_readers", "images_all", "images_used", "kappa", "reason"),
    *("se_gwet", "low", "high", "se_null", "low_null", "high_null", "p_null", "se_jackknife"),
    *("bootstrap_se", "bootstrap_low", "bootstrap_high", "raw_agreement"),
    *("kappa_missing_kept", "kappa_missing_kept_low", "kappa_missing_kept_high", "ac1", "ac1_low", "ac1_high"),
)


def _data(analysis: Analysis) -> Iterator[tuple[Value, ...]]:
    for part in (*analysis.agreement.parts.values(), *analysis.agreement.groups.values()):
        f, g, b = part.fleiss, part.gwet, part.bootstrap
        drawn = (None, None, None) if b is None else (b.fleiss.se, b.fleiss.low, b.fleiss.high)
        yield (
            *(part.readers, part.images, f.n_readers, f.n_images, f.n_used, f.kappa, f.reason),
            *(f.se_gwet, f.low, f.high, f.se_null, f.low_null, f.high_null, f.p_null, f.se_jackknife),
            *drawn,
            *(g.observed.estimate, g.kappa.estimate, g.kappa.low, g.kappa.high, g.ac1.estimate, g.ac1.low, g.ac1.high),
        )


def retest_table(analysis: Analysis) -> Table | None:
    """Of readers who saw images twice; None when nobody did."""
    readers = analysis.agreement.retest
    if not readers:
        return None
    confidence = ci(analysis.options.confidence)
    notes = Notes("Two answers of the same reader about the same image, the second one not announced.")
    rows = [
        Row((one.reader, str(one.kappa.n_used), proportion(one.kappa.same), _cohen(one.kappa, notes)))
        for one in readers
    ]
    values = [
        (one.reader, k.n_used, k.same.estimate, k.same.low, k.same.high, k.kappa, k.se, k.low, k.high, k.reason)
        for one in readers
        for k in (one.kappa,)
    ]
    columns = ("reader", "images", "same", "same_low", "same_high", "kappa", "se", "low", "high", "reason")
    return Table(
        key="retest",
        title="Agreement of each reader with himself or herself",
        columns=("Reader", "Images seen twice", f"Same answer, % ({confidence})", f"Cohen’s κ ({confidence})"),
        rows=tuple(rows),
        data=data_of(columns, values),
        notes=notes.texts,
    )


def _cohen(kappa: CohenKappa, notes: Notes) -> str:
    if not kappa.is_defined:
        return notes.not_estimable(kappa.reason)
    if not kappa.has_interval:
        return f"{number(kappa.kappa)} {notes.mark(kappa.reason)}"
    return estimate(kappa.kappa, kappa.low, kappa.high)
