"""Items of GRRAS, STARD 2015 and CLAIM 2024 that apply to a visual Turing test, and where the report answers each.

Wordings are shortened; numbers are those of the published lists (see the references), of CLAIM it is the section.
Whatever a report cannot know,
because it lies with the authors, is said to be theirs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from turing.analysis.parts import Analysis
from turing.report.document import Row, Table, data_of
from turing.report.facts import StudyFacts

AUTHORS = "To be stated by the authors"
Answer: TypeAlias = str | Callable[[Analysis, StudyFacts], str]


@dataclass(frozen=True)
class Item:
    number: str
    text: str
    answer: Answer = AUTHORS


def _if_known(*names: str, where: str = "Methods") -> Callable[[Analysis, StudyFacts], str]:
    return lambda _, facts: where if any(getattr(facts, name) for name in names) else AUTHORS


def _if_tables(key: str, where: str) -> Callable[[Analysis, StudyFacts], str]:
    """Where a table exists in this report."""

    def answer(analysis: Analysis, _: StudyFacts) -> str:
        exists = {
            "retest": bool(analysis.agreement.retest),
            "graded": analysis.graded is not None,
            "groups": bool(analysis.answers.groups),
        }[key]
        return where if exists else "Does not apply to these data"

    return answer


GRRAS = (
    Item("1", "Title or abstract says that agreement was investigated"),
    Item("2", "Device or measurement of interest is named", _if_known("question", "scale")),
    Item("3", "Subject population (images) of interest is specified", _if_known("image_source")),
    Item(
        "4", "Rater population (readers) of interest is specified", "Methods: number and groups; training: the authors"
    ),
    Item("5", "What is known of reliability, and the reason for the study"),
    Item("6", "How the sample size (images, readers) was chosen"),
    Item("7", "How images were sampled", _if_known("image_source", "drawing_seed")),
    Item(
        "8",
        "The measurement: time between readings, conditions, clinical information",
        _if_known("order", "time_limit"),
    ),
    Item("9", "Whether ratings were independent", lambda _, f: "Methods" if f.is_blinded else AUTHORS),
    Item("10", "Statistical analysis", "Methods"),
    Item("11", "Actual numbers of readers, images, repeats", "Summary; Methods; notes of the tables"),
    Item("12", "Sample characteristics of readers and images", _if_tables("groups", "Table 1, by group")),
    Item("13", "Estimates of agreement with measures of uncertainty", "Table 2"),
    Item(
        "13, within readers",
        "Agreement of readers with themselves",
        _if_tables("retest", "Agreement of each reader with himself or herself"),
    ),
    Item("14", "Practical relevance of the results"),
    Item("15", "Detailed results, if possible as supplement", "Replication bundle: every answer, tables as CSV"),
)
STARD = (
    Item("1", "Title or abstract names a measure of accuracy"),
    Item("5", "Data collected before (prospective) or after the test", _if_known("opened_on")),
    Item("6-9", "Eligibility, setting and dates of the images"),
    Item("10a", "Index test (the reading), in enough detail to be repeated", _if_known("question", "scale")),
    Item("10b", "Reference standard (what an image is)", "By construction: real, or made by a generator"),
    Item(
        "12a",
        "Definition of and reason for the cut-off of the index test",
        lambda a, _: (
            "Ratings count as the answer on their side of the scale"
            if a.answers.rating is not None
            else "Does not apply: answers are real or synthetic"
        ),
    ),
    Item(
        "13a",
        "Whether readers knew the reference standard",
        lambda _, f: "Methods: not known to readers" if f.is_blinded else AUTHORS,
    ),
    Item("14", "Methods for measures of accuracy", "Methods"),
    Item("15", "How indeterminate results were handled", "Methods: exclusions"),
    Item("16", "How missing data were handled", "Methods: exclusions; Table 2 (missing answers kept and dropped)"),
    Item("17", "Analyses of variability", "Tables 1 and 3, by group; further models"),
    Item("18", "Intended sample size and how it was determined"),
    Item("19", "Flow of images and readers", "Methods: numbers and exclusions"),
    Item("23", "Cross tabulation of answers and truth", "Table 1 (counts); CSV files"),
    Item("24", "Estimates of accuracy and their precision", "Tables 1 and 3"),
    Item("25", "Adverse events", "Does not apply: images were read for research only"),
    Item("26-27", "Limitations; implications"),
    Item(
        "28-30",
        "Registration; protocol; funding",
        lambda _, f: "Hash of the protocol: Methods; the rest: the authors" if f.protocol_sha256 else AUTHORS,
    ),
)
CLAIM = (
    Item("Study design", "Retrospective or prospective; aim of the study", _if_known("opened_on")),
    Item("Data", "Sources; inclusion and exclusion of images", _if_known("image_source")),
    Item("Data", "Pre-processing of images", _if_known("rendering")),
    Item("Data", "De-identification"),
    Item("Data", "How missing data were handled", "Methods: exclusions"),
    Item("Reference standard", "Definition and source", "By construction: real, or made by a generator"),
    Item(
        "Reference standard",
        "Variability between and within readers",
        "Table 2; where images were shown twice, agreement of each reader with himself or herself",
    ),
    Item("Data partitions", "Assignment to training, tuning and test data; sample size"),
    Item("Model and training", "The model (here: the generator), its software and its training"),
    Item("Evaluation", "Metrics of performance", "Methods"),
    Item("Evaluation", "Measures of significance and uncertainty", "Methods; every table"),
    Item(
        "Evaluation",
        "Robustness or sensitivity analysis",
        "Table 3: two intervals; Table 4: with and without the reader effect",
    ),
    Item("Results: data", "Numbers included and excluded", "Summary; Methods"),
    Item("Results: data", "Demographic and clinical characteristics"),
    Item("Results: performance", "Estimates with intervals", "Tables 1 to 4"),
    Item("Results: performance", "Failure analysis", "Hardest images; unanimous cases"),
    Item("Discussion", "Limitations; implications for practice"),
    Item(
        "Other information",
        "Protocol; availability of software and data; funding",
        "Replication bundle: answers, results, script; the rest: the authors",
    ),
)


def checklist_tables(analysis: Analysis, facts: StudyFacts) -> tuple[Table, ...]:
    """One table for each list."""
    return tuple(
        _table(key, name, items, analysis, facts)
        for key, name, items in (
            ("grras", "GRRAS (reliability and agreement)", GRRAS),
            ("stard", "STARD 2015 (diagnostic accuracy)", STARD),
            ("claim", "CLAIM 2024 (artificial intelligence in imaging)", CLAIM),
        )
    )


def _table(key: str, name: str, items: tuple[Item, ...], analysis: Analysis, facts: StudyFacts) -> Table:
    rows = []
    for item in items:
        answer = item.answer if isinstance(item.answer, str) else item.answer(analysis, facts)
        rows.append((item.number, item.text, answer))
    return Table(
        key=f"checklist-{key}",
        title=f"Checklist: {name}, items that apply",
        columns=("Item", "What is asked", "Where it is answered"),
        rows=tuple(Row(row) for row in rows),
        data=data_of(("item", "asked", "answered"), rows),
        widths=(1, 3.3, 3),
        is_prose=True,
    )
