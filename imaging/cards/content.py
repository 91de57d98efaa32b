"""What the card of a dataset says, as a small document: the page, the Markdown and the PDF are made of the same.

In the manner of datasheets (Gebru et al., Datasheets for datasets, CACM 2021): what it is, where from, what is in it,
how it was chosen and split, what was found in it, and what its users have to know. Whoever makes datasets registers
what only they know (`register_card_source`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from imaging.cards.numbers import UNKNOWN, CardNumbers, Row, card_numbers
from imaging.flow_chart import chart_in_words
from imaging.intake.parameters import KIND
from imaging.intake.preparing import Choices
from imaging.models import Dataset
from imaging.reports import newest_reports
from imaging.versions import version_chain
from worker.models import Job

NOT_GIVEN = "not given"


@dataclass(frozen=True, kw_only=True)
class Table:
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_text: int = 1  # columns of text at the left; the others are numbers


@dataclass(frozen=True, kw_only=True)
class Part:
    """One section. `chart`: a record of inclusion, to be drawn; its words are in the paragraphs."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    paragraphs: tuple[str, ...] = ()
    table: Table | None = None
    chart: dict[str, Any] | None = None


CardSource = Callable[[Dataset], Part | None]
_SOURCES: list[CardSource] = []


def register_card_source(source: CardSource) -> None:
    """`source` is asked for every dataset, and says what it knows of it, or None. Again: changes nothing."""
    if source not in _SOURCES:
        _SOURCES.append(source)


def card_parts(dataset: Dataset) -> list[Part]:
    """The card, section by section; what is not known is left out, or says so."""
    return list(_parts(dataset, card_numbers(dataset)))


def _parts(dataset: Dataset, numbers: CardNumbers) -> Iterator[Part]:
    yield Part(title="What it is", facts=tuple(_facts(dataset, numbers)), paragraphs=_paragraphs(dataset.description))
    limits = _paragraphs(dataset.known_limits)
    yield Part(title="Known limits", paragraphs=limits or ("Nobody has written down any.",))
    yield Part(title="Classes", table=_counted("Class", numbers.classes, numbers.total))
    if set(numbers.splits) - {""}:
        yield Part(title="Splits", table=_splits(numbers), paragraphs=tuple(_split_record(dataset, numbers)))
    if numbers.ages:
        yield Part(title="Age in years", table=_counted("Age", numbers.ages, numbers.total))
    for title, rows in numbers.tables.items():
        yield Part(title=title, table=_counted(title, rows, numbers.total))
    if dataset.inclusion_record:
        words = chart_in_words(dataset.inclusion_record)
        yield Part(title="Inclusion", paragraphs=(f"{words}.",), chart=dataset.inclusion_record)
    imported = _import(dataset)
    if imported:
        yield imported
    for source in _SOURCES:
        part = source(dataset)
        if part is not None:
            yield part
    for report in newest_reports([dataset.pk]):
        sentences = tuple(str(one) for one in report.values["summary"])
        yield Part(title=f"{report.title}, {report.created_at:%Y-%m-%d}", paragraphs=sentences)
    chain = version_chain(dataset)
    if chain:
        listed = tuple((str(one.version_number), one.name, f"{one.created_at:%Y-%m-%d}") for one in chain)
        yield Part(title="Versions", table=Table(header=("Version", "Name", "Added"), rows=listed, n_text=3))


def _facts(dataset: Dataset, numbers: CardNumbers) -> Iterator[tuple[str, str]]:
    yield "Origin", dataset.get_origin_display()
    if dataset.is_phantom:
        yield "Phantoms", "Computed by this program from simple bodies: they show no patient."
    yield "Images", f"{numbers.total:,}"
    if numbers.patients:
        yield "Patients", f"{numbers.patients:,}"
        if numbers.without_patient:
            yield "Images whose patient is not known", f"{numbers.without_patient:,}"
    yield "Added", f"{dataset.created_at:%Y-%m-%d}" + (f" by {dataset.created_by}" if dataset.created_by else "")
    if dataset.frozen_at:
        yield "Frozen", f"{dataset.frozen_at:%Y-%m-%d}"
    if dataset.version_of is not None:
        yield "Version", f"{dataset.version_number} of {dataset.version_of.name}"
    yield "Licence", dataset.licence or NOT_GIVEN
    yield "Citation", " ".join(dataset.citation.split()) or NOT_GIVEN


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(one.split()) for one in text.replace("\r", "").split("\n\n") if one.strip())


def _counted(title: str, rows: Sequence[Row], total: int) -> Table:
    shown = tuple((row.name, f"{row.images:,}", f"{100 * row.images / max(total, 1):.1f} %") for row in rows)
    return Table(header=(title, "Images", "Share"), rows=shown)


def _splits(numbers: CardNumbers) -> Table:
    rows = tuple(
        (split or "none", one.label, f"{one.images:,}", f"{one.patients:,}" if one.patients else UNKNOWN)
        for split, classes in numbers.splits.items()
        for one in classes
    )
    return Table(header=("Split", "Class", "Images", "Patients"), rows=rows, n_text=2)


def _split_record(dataset: Dataset, numbers: CardNumbers) -> Iterator[str]:
    record = dataset.split_record
    if record:
        shares = ", ".join(f"{name} {100 * record['shares'][name]:g} %" for name in _in_order(record["shares"]))
        kept = " The test images that the source had were kept." if record.get("keep_test") else ""
        yield (
            f"Split here with seed {record['seed']}: {shares}; stratified by class, all images of a patient in one "
            f"split.{kept}"
        )
    else:
        yield "The splits are those of the source."
    if numbers.mixed_patients:
        yield f"{numbers.mixed_patients:,} patients have images in more than one split."


def _in_order(shares: Iterable[str]) -> list[str]:
    """A database may keep the names of a record in another order."""
    return sorted(shares, key=["train", "tune", "test"].index)


def _import(dataset: Dataset) -> Part | None:
    prepared = (("Prepared", Choices(**dataset.import_record).in_words()),) if dataset.import_record else ()
    job = Job.objects.filter(kind=KIND, result__dataset_id=str(dataset.pk)).order_by("-created_at").first()
    if job is None:
        return Part(title="Import", facts=prepared) if prepared else None
    result = job.result
    facts = [("Imported", f"{job.created_at:%Y-%m-%d}, {result['imported']:,} images")]
    counts = {
        "Duplicates in the source, kept once": result.get("duplicates", 0),
        "Images that another dataset had as well": result.get("elsewhere", 0),
        "Problems": result.get("problem_count", 0),
    }
    facts += [(title, f"{n:,}") for title, n in counts.items() if n]
    return Part(title="Import", facts=(*facts, *prepared), paragraphs=tuple(result.get("notes", ())))
