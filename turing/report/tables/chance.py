"""Are readers at chance? Tests against 50 %, equivalence to 50 %, d' and the criterion."""

import math
from collections.abc import Iterator

from turing.analysis.chance import NO_MARGIN
from turing.analysis.parts import Analysis, Chance, ChanceRow
from turing.report.document import Row, Table, Value, data_of
from turing.report.formatting import SPACE, ci, counts, estimate, interval, listed, number, p_value
from turing.report.tables.notes import Notes, sentence
from turing.stats.accuracy import clopper_pearson
from turing.stats.signal_detection import Estimate


def chance_table(analysis: Analysis) -> Table:
    """One row for each reader, each group and all."""
    chance = analysis.chance
    around = ci(1 - 2 * chance.alpha)
    confidence = ci(analysis.options.confidence)
    notes = Notes(
        _about_equivalence(chance, around),
        "d′: how well synthetic is told from real (0: not at all). c: criterion; above 0 a tendency to say real, below "
        "0 to say synthetic, whatever the positive class is.",
    )
    if chance.balanced:
        notes.add("Classes are of unequal size, so the balanced accuracy is tested: the mean of both classes’ shares.")
    rows = [*chance.readers, *chance.groups, chance.overall]
    by_method: dict[str, list[str]] = {}
    for row in rows:
        method = "; ".join(dict.fromkeys(text for text in (row.chance_test, row.equivalence.method) if text))
        if method:
            measured = f"{row.equivalence.measure}: {method}" if row.equivalence.measure else method
            by_method.setdefault(measured, []).append("readers" if row.kind == "reader" else _name(row).lower())
    for measured, names in by_method.items():
        notes.add(sentence(f"Tests of {listed(list(dict.fromkeys(names)))}: {measured}"))
    return Table(
        key="chance",
        title="Are readers at chance?",
        columns=(
            "Reader",
            "Right",
            "p against 50 %",
            f"Accuracy, % ({around})",
            "p of equivalence",
            f"d′ ({confidence})",
            f"c ({confidence})",
            "Verdict",
        ),
        rows=tuple(_row(row, notes) for row in rows),
        data=data_of(_COLUMNS, _data(rows)),
        notes=notes.texts,
        widths=(0.9, 0.95, 0.85, 1.1, 1.15, 1.1, 1.1, 1.8),
    )


def _about_equivalence(chance: Chance, around: str) -> str:
    if chance.margin is None:
        return (
            f"Equivalence with chance is not tested, because {NO_MARGIN}: nothing here says that images are "
            "indistinguishable. A test against 50 % that finds nothing does not show it."
        )
    low, high = 100 * (0.5 - chance.margin), 100 * (0.5 + chance.margin)
    origin = f" ({chance.margin_origin})" if chance.margin_origin else ""
    return (
        f"Equivalence: two one-sided tests (TOST), α = {chance.alpha:g}, that the accuracy lies between "
        f"{low:g}{SPACE}% and {high:g}{SPACE}%, the equivalence margin{origin}; it holds exactly when the {around} "
        "lies inside. Only then are images called indistinguishable: a test against 50 % that finds nothing does not "
        "show it."
    )


def _name(row: ChanceRow) -> str:
    return {"reader": row.name, "group": f"Group {row.name}"}.get(row.kind, "All readers")


def _row(row: ChanceRow, notes: Notes) -> Row:
    right = counts(clopper_pearson(row.k, row.n)) if row.n else "no answers"
    equal = row.equivalence
    if math.isnan(equal.estimate):
        shares = p_equal = notes.not_estimable(equal.reason)
    else:
        shares = f"{number(100 * equal.estimate, 1)} ({interval(100 * equal.low, 100 * equal.high, 1)})"
        p_equal = p_value(equal.p) if equal.is_defined else "not tested"
    signal = row.signal
    if signal.is_defined:
        told = (_signal(signal.d_prime, signal.reason, notes), _signal(signal.criterion, signal.reason, notes))
    else:
        told = (notes.not_estimable(signal.reason),) * 2
    cells = (_name(row), right, _p(row, notes), shares, p_equal, *told, sentence(row.verdict) or "none")
    return Row(cells, "plain" if row.kind == "reader" else "total")


def _p(row: ChanceRow, notes: Notes) -> str:
    if math.isnan(row.p_chance):
        return notes.not_estimable(row.equivalence.reason or "there is nothing to test")
    return p_value(row.p_chance)


def _signal(value: Estimate, reason: str, notes: Notes) -> str:
    if math.isnan(value.low):
        return f"{number(value.estimate)} {notes.mark(sentence(reason or 'no interval'))}"
    return estimate(value.estimate, value.low, value.high)


_COLUMNS = (
    *("name", "kind", "right", "answers", "p_chance", "chance_test", "p_association"),
    *("equivalence_estimate", "equivalence_low", "equivalence_high", "margin", "p_lower", "p_upper", "equivalent"),
    *("d_prime", "d_prime_se", "d_prime_low", "d_prime_high"),
    *("criterion", "criterion_se", "criterion_low", "criterion_high", "verdict"),
)


def _data(rows: list[ChanceRow]) -> Iterator[tuple[Value, ...]]:
    for row in rows:
        e, d, c = row.equivalence, row.signal.d_prime, row.signal.criterion
        yield (
            *(row.name, row.kind, row.k, row.n, row.p_chance, row.chance_test, row.p_association),
            *(e.estimate, e.low, e.high, e.margin, e.p_lower, e.p_upper, int(e.holds)),
            *(d.estimate, d.se, d.low, d.high, c.estimate, c.se, c.low, c.high, row.verdict),
        )
