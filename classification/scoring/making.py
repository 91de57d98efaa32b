"""The whole record of a scoring, from scores that are kept: of a study with its readers, or of a dataset."""

from collections.abc import Sequence

from classification.models import Scoring
from classification.scoring.measuring import (
    COLUMNS,
    PAIR_COLUMNS,
    ScoredImage,
    caught_by_all,
    class_area,
    machine_row,
    reader_rows,
    readers_rho,
    score_groups,
    study_areas,
    without_learnt,
)
from classification.scoring.results import Area, LearntImages, ReaderRow, ScoringResults
from classification.scoring.selectors import negative_of, tells_origin
from turing.models import Scale
from turing.results.beside import readers_on_synthetic

MACHINE = "Machine reader"
MACHINE_APART = "Machine reader, without images that it learnt from"


def make_study_results(scoring: Scoring, images: Sequence[ScoredImage], *, learnt: LearntImages) -> ScoringResults:
    """Raises StudyError unless the study is closed."""
    study, classifier = scoring.study, scoring.classifier
    assert study is not None  # noqa: S101  a constraint holds it
    experiment = classifier.experiment
    apart = without_learnt(images)
    is_pair = study.scale == Scale.PAIR
    people = readers_on_synthetic(study)
    rows: tuple[ReaderRow, ...] = ()
    if tells_origin(classifier):
        rows = (machine_row(images, name=MACHINE, is_pair=is_pair),)
        if apart and learnt.n:
            rows += (machine_row(apart, name=MACHINE_APART, is_pair=is_pair),)
        rows += reader_rows(people)
    areas = study_areas(images, classes=experiment.classes, positive=experiment.positive)
    return ScoringResults(
        positive=experiment.positive,
        negative=negative_of(experiment),
        n=len(images),
        learnt=learnt,
        areas=areas,
        areas_apart=study_areas(apart, classes=experiment.classes, positive=experiment.positive)
        if apart and learnt.n
        else (),
        no_areas="",
        groups=score_groups(images, by_origin=True),
        rho=readers_rho(images),
        columns=PAIR_COLUMNS if is_pair else COLUMNS,
        readers=rows,
        caught=caught_by_all(images),
        n_readers=sum(one.n_answers > one.n_late for one in people),
        figures=(),
    )


def make_dataset_results(scoring: Scoring, images: Sequence[ScoredImage], *, learnt: LearntImages) -> ScoringResults:
    experiment = scoring.classifier.experiment
    labels = sorted({image.label for image in images})
    fits = set(labels) <= set(experiment.classes) and len(labels) > 1 and experiment.positive in labels
    apart = without_learnt(images)

    def areas(of: Sequence[ScoredImage]) -> tuple[Area, ...]:
        return (class_area(of, "images", experiment.classes, experiment.positive),) if fits and of else ()

    why = (
        ""
        if fits
        else f"The labels of the dataset ({', '.join(labels)}) are not those that the classifier tells apart "
        f"({', '.join(experiment.classes)}): there is no AUC."
    )
    return ScoringResults(
        positive=experiment.positive,
        negative=negative_of(experiment),
        n=len(images),
        learnt=learnt,
        areas=areas(images),
        areas_apart=areas(apart) if learnt.n else (),
        no_areas=why,
        groups=score_groups(images, by_origin=False),
        rho=(),
        columns=(),
        readers=(),
        caught=(),
        n_readers=0,
        figures=(),
    )
