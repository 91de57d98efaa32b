"""The ZIP file of the replication bundle. The same study gives the same bytes."""

import io
import zipfile
from pathlib import Path

from turing.analysis.parts import Analysis
from turing.report.bundle.imrmc import imrmc_text
from turing.report.bundle.results import results_json, study_json
from turing.report.bundle.tidy import codebook, tidy_data
from turing.report.csv_files import csv_text
from turing.report.document import Document
from turing.report.facts import StudyFacts
from turing.report.methods import exclusions, methods_paragraphs

SCRIPT = Path(__file__).with_name("replicate.R")
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP file can hold


def bundle_files(analysis: Analysis, document: Document, facts: StudyFacts) -> dict[str, bytes]:
    """Names and contents of the files, in the order of the archive."""
    answers = analysis.answers
    files = {
        "README.md": _readme(analysis, document, facts),
        "answers.csv": csv_text(tidy_data(answers)),
        "codebook.csv": csv_text(codebook(answers)),
        "study.json": study_json(analysis),
        "results.json": results_json(analysis),
        "replicate.R": SCRIPT.read_text(encoding="utf-8"),
    }
    if answers.rating is not None and not answers.is_pairs:
        files["answers.imrmc"] = imrmc_text(answers)
    files |= {f"tables/{table.key}.csv": csv_text(table.data) for table in document.tables()}
    return {name: text.encode() for name, text in files.items()}


def bundle_bytes(analysis: Analysis, document: Document, facts: StudyFacts) -> bytes:
    """Everything in one folder of a ZIP file, without dates."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in bundle_files(analysis, document, facts).items():
            entry = zipfile.ZipInfo(f"replication/{name}", date_time=FIRST_DAY)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _readme(analysis: Analysis, document: Document, facts: StudyFacts) -> str:
    graded = (
        "* `answers.imrmc`: the graded answers for the program iMRMC.\n" if analysis.answers.rating is not None else ""
    )
    methods = "\n\n".join(methods_paragraphs(analysis, facts))
    left_out = "\n".join(f"* {text}" for text in exclusions(analysis, facts))
    return f"""# {document.title}

{document.subtitle}

With these files anybody can compute the numbers of the report again, without the program that made it.

* `answers.csv`: every answer, one row each. `codebook.csv` explains its columns. A name that a spreadsheet would run as
  a formula has an apostrophe before it.
* `study.json`: settings of the analysis that the script needs, such as the order of the groups.
* `results.json`: the numbers that Turing Reader computed, not rounded.
* `tables/`: the tables of the report, not rounded.
* `replicate.R`: computes them again in R and compares.
{graded}
## In R

    install.packages(c("jsonlite", "glmmTMB", "lmerTest", "pROC"))
    Rscript replicate.R

It ends with "0 different" and writes every comparison to `compared.csv`. Tolerances are in the script. Compared are the
exact intervals (`binom.test`), Fleiss’ kappa with its standard errors (by formula), the logistic models (glmmTMB, the
same likelihood as lme4’s `glmer`), the linear models (lmerTest) and areas under ROC curves (pROC). Not compared,
because R has no function for them: the intervals for few readers, and what is drawn at random (bootstrap).

## Methods

{methods}

## Exclusions and doubtful data

{left_out}
"""
