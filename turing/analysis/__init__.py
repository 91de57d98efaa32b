"""From a table of answers to the statistics of a reader study: reading and checking the table, every analysis in one
frozen result, its numbers as JSON. No Django, no database; pandas only where files are read."""

from turing.analysis.answers import Answers, AnswersError, Problem, make_answers
from turing.analysis.options import AnalysisOptions

__all__ = ["AnalysisOptions", "Answers", "AnswersError", "Problem", "make_answers"]
