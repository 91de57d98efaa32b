"""Table 2: agreement between readers; further tables: of each pair of readers, and of readers with themselves."""

import math
from collections.abc import Iterator

from turing.analysis.parts import AgreementPart, Analysis
from turing.report.document import Row, Table, Value, data_of
from turing.report.formatting import ci, estimate, interval, number, percent, proportion
from turing.report.tables.notes import IMAGES, Notes
from turing.stats.agreement import FleissKappa
from turing.stats.gwet import AgreementCoefficient
from turing.stats.retest import CohenKappa


def agreement_table(analysis: Analysis) -> Table:
    """Fleiss' kappa with all its intervals, each labelled, and what keeps missing answers."""
    confidence = ci(analysis.options.confidence)
    notes = Notes(
        "Fleiss’ κ of the images that every reader answered (“used”). First interval: standard error of Gwet (2021), "
        "which does not assume that readers agree by chance only: this one is meant to be read. The last interval has "
        "the standard error under no agreement beyond chance (Fleiss, Nee and Landis 1979); published studies print "
        "it, and it is too narrow once κ is above 0.",
        "Missing answers kept: Gwet’s κ and AC1 use every image with two answers or more. AC1 does not collapse when "
        "nearly all answers are the same.",
    )
    if analysis.options.n_bootstrap_kappa:
        notes.add(
            f"Bootstrap over images: percentiles of {analysis.options.n_bootstrap_kappa:,} draws, seed "
            f"{analysis.options.seed}."
        )
    columns = (
        "Images",
        "Used of all",
        "Raw agreement",
        f"Fleiss’ κ ({confidence})",
        f"{confidence}, jackknife",
        f"{confidence}, bootstrap",
        f"κ, missing kept ({confidence})",
        f"AC1, missing kept ({confidence})",
        f"{confidence} of Fleiss’ κ, null SE",
    )
    rows = [_row(part, IMAGES.get(part.images, part.images), notes) for part in analysis.agreement.parts.values()]
    if analysis.agreement.groups:
        rows.append(Row(("Within groups of readers",), "group"))
        rows += [
            _row(part, f"{name}, {IMAGES.get(part.images, part.images).lower()}", notes)
            for name, part in analysis.agreement.groups.items()
        ]
    return Table(
        key="agreement",
        title="Agreement between readers",
        columns=columns,
        rows=tuple(rows),
        data=data_of(_DATA_COLUMNS, _data(analysis)),
        notes=notes.texts,
        widths=(1.25, 0.8, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2),
    )


def _row(part: AgreementPart, name: str, notes: Notes) -> Row:
    fleiss, gwet = part.fleiss, part.gwet
    used = f"{fleiss.n_used} of {fleiss.n_images}"
    raw = percent(gwet.observed.estimate) if gwet.observed.is_defined else notes.not_estimable(gwet.observed.reason)
    kept = (_coefficient(gwet.kappa, notes), _coefficient(gwet.ac1, notes))
    if not fleiss.is_defined:
        nothing = notes.not_estimable(fleiss.reason)
        return Row((name, used, raw, nothing, nothing, nothing, *kept, nothing))
    bootstrap = part.bootstrap.fleiss if part.bootstrap is not None else None
    if bootstrap is None:
        drawn = notes.mark("Not computed for groups.")
    else:
        drawn = (
            interval(bootstrap.low, bootstrap.high) if bootstrap.is_defined else notes.not_estimable(bootstrap.reason)
        )
    jackknife = _of_se(fleiss, fleiss.se_jackknife)
    no_jackknife = "Leaving out an image leaves answers that are all equal, or one image alone."
    return Row(
        (
            name,
            used,
            raw,
            estimate(fleiss.kappa, fleiss.low, fleiss.high),
            interval(*jackknife) if not math.isnan(jackknife[0]) else notes.not_estimable(no_jackknife),
            drawn,
            *kept,
            interval(fleiss.low_null, fleiss.high_null),
        )
    )


def _of_se(fleiss: FleissKappa, se: float) -> tuple[float, float]:
    """The normal interval of a standard error, as wide as that of `se_gwet` is for its own."""
    half = (fleiss.high_null - fleiss.kappa) / fleiss.se_null * se
    return fleiss.kappa - half, fleiss.kappa + half


def _coefficient(value: AgreementCoefficient, notes: Notes) -> str:
    if not value.is_defined:
        return notes.not_estimable(value.reason)
    if math.isnan(value.low):
        return f"{number(value.estimate)} {notes.mark(value.reason or 'No interval.')}"
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
