"""`analyse`: every statistic of one study, in the order of a paper."""

import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import scipy

from turing.analysis.agreeing import measure_agreement
from turing.analysis.answers import Answers
from turing.analysis.chance import judge_chance
from turing.analysis.counting import count_accuracy
from turing.analysis.describing import describe_images, describe_reading
from turing.analysis.grading import grade
from turing.analysis.modelling import fit_covariates, fit_linear_part, fit_logistic_part, parts_of
from turing.analysis.options import AnalysisOptions
from turing.analysis.parts import Analysis, Size, Versions
from turing.analysis.remarking import collect_notes, collect_problems

Progress = Callable[[float, str], None]  # share done, what is being done


def analyse(answers: Answers, options: AnalysisOptions | None = None, *, progress: Progress | None = None) -> Analysis:
    """Everything that can be said of one study's answers; what cannot be computed has a reason instead of numbers.

    Parameters
    ----------
    answers : of `reading.read_csv`, or made with `make_answers`.
    options : margin, seed, and so on; the defaults when left out.
    progress : called with the share done, in [0, 1], and the name of the next part; may raise to stop.

    Raises
    ------
    ValueError : a formula among `options.models` that cannot be read.
    """
    options = options or AnalysisOptions()
    began = time.perf_counter()
    first = answers.first
    parts = parts_of(answers)
    steps = _Steps(progress, 7 + 2 * len(parts))
    steps.next("Accuracy")
    accuracy = count_accuracy(first, options)
    steps.next("Agreement")
    agreement = measure_agreement(answers, options)
    steps.next("Chance, equivalence, signal detection")
    chance = judge_chance(first, options)
    logistic, linear = {}, {}
    for part in parts:
        steps.next(f"Mixed logistic regression: {part} images")
        logistic[part] = fit_logistic_part(first, part, options)
        steps.next(f"Reading time: {part} images")
        linear[part] = fit_linear_part(first, part, options)
    steps.next("Further mixed models")
    covariates = fit_covariates(first, options, progress=steps.say)
    steps.next("Graded answers")
    graded, graded_reason = grade(first, options)
    steps.next("Distribution and course of reading times")
    times, times_reason = describe_reading(first, options)
    steps.next("Images: difficulty, unanimous cases")
    images, images_reason = describe_images(first, options)
    steps.done()
    return Analysis(
        answers=answers,
        options=options,
        size=_size(answers),
        accuracy=accuracy,
        agreement=agreement,
        chance=chance,
        logistic=logistic,
        linear=linear,
        covariates=covariates,
        graded=graded,
        graded_reason=graded_reason,
        times=times,
        times_reason=times_reason,
        images=images,
        images_reason=images_reason,
        problems=collect_problems(agreement, chance, logistic, linear, covariates),
        notes=collect_notes(answers, chance),
        versions=_versions(),
        seconds_taken=time.perf_counter() - began,
    )


class _Steps:
    def __init__(self, progress: Progress | None, n_steps: int) -> None:
        self.progress, self.n_steps, self.n_begun = progress, n_steps, 0

    def next(self, what: str) -> None:
        self.n_begun += 1
        self.say(what)

    def say(self, what: str) -> None:
        if self.progress is not None:
            self.progress((self.n_begun - 1) / self.n_steps, what)

    def done(self) -> None:
        if self.progress is not None:
            self.progress(1.0, "Done")


def _size(answers: Answers) -> Size:
    first = answers.first
    given = first.select(given=True)
    timed = given.select(timed=True)
    truth = np.full(len(answers.images), -1)
    truth[answers.image] = answers.truth
    return Size(
        n_readers=len(answers.readers),
        n_images=len(answers.images),
        n_real=int((truth == 0).sum()),
        n_synthetic=int((truth == 1).sum()),
        n_answers=len(given),
        n_missing=len(first) - len(given),
        n_repeats=int(answers.is_repeat.sum()),
        n_timed=len(timed),
        n_flagged=int(timed.flagged.sum()),
    )


def _versions() -> Versions:
    try:
        own = version("turing-reader")
    except PackageNotFoundError:  # run from a source tree that was not installed
        own = "unreleased"
    return Versions(own, platform.python_version(), np.__version__, scipy.__version__)
