"""From a table of answers to the statistics of a reader study: reading and checking the table, every analysis in one
frozen result, its numbers as JSON. No Django, no database; pandas only where files are read."""

from turing.analysis.analysis import analyse
from turing.analysis.answers import Answers, AnswersError, Problem, make_answers
from turing.analysis.numbers import to_json
from turing.analysis.options import AnalysisOptions
from turing.analysis.parts import Analysis
from turing.analysis.reading import read_csv

__all__ = [
    "Analysis",
    "AnalysisOptions",
    "Answers",
    "AnswersError",
    "Problem",
    "analyse",
    "make_answers",
    "read_csv",
    "to_json",
]
