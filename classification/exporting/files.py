"""Every file that an experiment can be taken along as, and the ZIP of them all. The same record, the same bytes."""

import io
import json
import zipfile
from dataclasses import dataclass

from django.utils.text import slugify

from classification.exporting.job_files import PREDICTIONS, SWEEP
from classification.exporting.markdown import tables_markdown
from classification.exporting.methods import methods_markdown
from classification.exporting.tables import TABLES
from classification.models import Experiment
from classification.results import Results
from turing.report.csv_files import csv_text

FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP file can hold
TABLES_TEXT, METHODS, SETTINGS, README = "tables.md", "methods.md", "settings.json", "README.md"
TITLES = {
    TABLES_TEXT: "The tables of this page (Markdown)",
    METHODS: "Methods in sentences, with sources (Markdown)",
    "measures.csv": "Every measure with its interval (CSV)",
    "comparisons.csv": "Comparisons (CSV)",
    "confusion.csv": "Confusion matrices (CSV)",
    "calibration.csv": "Calibration (CSV)",
    "repetitions.csv": "AUC of every repetition (CSV)",
    "arms.csv": "Training images of every arm (CSV)",
    SWEEP: "Every K, seed, set and metric (CSV)",
    PREDICTIONS: "The score of every image (CSV)",
    SETTINGS: "All settings (JSON)",
}


@dataclass(frozen=True, kw_only=True)
class Download:
    name: str
    title: str


def list_downloads(experiment: Experiment, results: Results) -> list[Download]:
    """Single files that there are, in the order of the page."""
    return [
        Download(name=name, title=title)
        for name, title in TITLES.items()
        if name not in (PREDICTIONS, SWEEP, "comparisons.csv") or _has(experiment, results, name)
    ]


def _has(experiment: Experiment, results: Results, name: str) -> bool:
    if name == "comparisons.csv":
        return len(results.arms) > 1
    return (experiment.job.directory / name).is_file()


def file_bytes(experiment: Experiment, results: Results, name: str) -> bytes | None:
    """One of `list_downloads`; None for a name that there is not."""
    if name not in {one.name for one in list_downloads(experiment, results)}:
        return None
    if name in TABLES:
        return csv_text(TABLES[name](results)).encode()
    if name in (PREDICTIONS, SWEEP):
        return (experiment.job.directory / name).read_bytes()
    if name == TABLES_TEXT:
        return tables_markdown(experiment.name, results).encode()
    if name == METHODS:
        return methods_markdown(experiment, results).encode()
    return _settings(experiment, results).encode()


def archive_bytes(experiment: Experiment, results: Results) -> bytes:
    """Everything in one folder of a ZIP file, without dates of making."""
    files = {README: _readme(experiment, results).encode()}
    for one in list_downloads(experiment, results):
        folder = "tables/" if one.name in (*TABLES, SWEEP) else ""
        data = file_bytes(experiment, results, one.name)
        assert data is not None  # noqa: S101  it was listed
        files[f"{folder}{one.name}"] = data
    for figure in results.figures:
        for kind in ("svg", "pdf", "png"):
            path = experiment.job.directory / f"{figure['name']}.{kind}"
            if path.is_file():
                files[f"{figure['name']}.{kind}"] = path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(f"{file_stem(experiment)}/{name}", date_time=FIRST_DAY)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, data, zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def file_stem(experiment: Experiment) -> str:
    """How downloaded files begin."""
    return slugify(experiment.name) or "experiment"


def _settings(experiment: Experiment, results: Results) -> str:
    job = experiment.job
    values = {
        "name": experiment.name,
        "kind": experiment.kind,
        "dataset": experiment.dataset.name,
        "synthetic": experiment.synthetic.name if experiment.synthetic is not None else None,
        "external": [other.name for other in experiment.external.order_by("name")],
        "classes": experiment.classes,
        "positive": experiment.positive,
        "limits": experiment.limits,
        "classifier": experiment.config,
        "design": experiment.design,
        "begin_with": experiment.weights,
        "weights": results.weights,
        "chooser": str(experiment.chooser) if experiment.chooser is not None else None,
        "seeds": results.seeds,
        "job": str(job.pk),
        "device": job.device,
        "versions": job.versions,
        "started": experiment.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return json.dumps(values, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _readme(experiment: Experiment, results: Results) -> str:
    found = "\n".join(f"* {sentence}" for sentence in results.summary)
    figures = "\n".join(f"* `{figure['name']}`: {figure['title']}." for figure in results.figures)
    listed = "\n".join(f"* `{one.name}`: {one.title}." for one in list_downloads(experiment, results))
    return f"""# {experiment.name}

{found}

## Files

{listed}

Tables lie in the folder `tables`; their numbers are not rounded, an empty field has no value. A name that a spreadsheet
would run as a formula has an apostrophe before it.

`{PREDICTIONS}` has a row for every tuning and test image: `image` is the letter I and the first 12 digits of the hash
of its pixels, `patient` a number that is the same for images of one patient and means nothing outside of this file,
`truth` the class, and the other columns are scores from 0 to 1 of {experiment.positive}, by arm and seed. An image is
called {experiment.positive} when its score is at least the threshold.

## Figures (SVG and PDF for print, PNG to look at)

{figures}
"""
