"""Runs a scoring's job: renders the images, scores them in blocks that are kept as they come, then tables and figures.

It may be started any number of times after crashes and cancels: images that have a score are not scored again.
"""

from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from classification.cnn.data import LabelledImages
from classification.cnn.feature_cache import Extractor
from classification.cnn.figures.scores import (
    score_by_decision_figure,
    score_by_label_figure,
    score_by_share_figure,
    score_by_truth_figure,
)
from classification.cnn.figures.style import Figure, draw_figure
from classification.cnn.head_training import Head
from classification.cnn.training import score_images
from classification.experiment_figures import FIGURE_KINDS
from classification.loading import open_classifier
from classification.models import Scoring
from classification.scoring.learnt import learnt_from
from classification.scoring.making import make_dataset_results, make_study_results
from classification.scoring.measuring import ScoredImage, scores_of
from classification.scoring.parameters import ScoringParameters
from classification.scoring.results import FigureFiles, LearntImages, ScoringResults
from classification.scoring.selectors import (
    NAME_DIGITS,
    ImageToScore,
    images_to_score,
    scored_dataset_images,
    scored_study_images,
    was_learnt,
)
from classification.scoring.services import record_scores, record_scoring_results
from imaging.rendered_files import RenderingError, render_to_file
from turing.errors import StudyError
from worker.compute.devices import choose_device, device_name
from worker.compute.weights import WeightsError
from worker.registry import JobContext, JobError

PIXELS = "images.npy"  # in the job's directory; removed when all have a score
LEAST_BLOCK = 64  # images that are scored between two looks at a cancel, at least


def run_scoring(context: JobContext, parameters: ScoringParameters) -> dict[str, Any]:
    """Score the images, then keep what is said of them. Raises JobError in words that a user understands."""
    scoring = Scoring.objects.select_related("classifier__experiment__job", "study", "dataset").get(
        pk=parameters.scoring_id
    )
    if scoring.results:  # killed between the last transaction and the verdict
        return {"scoring_id": str(scoring.pk), "images": scoring.results["n"]}
    try:
        images = images_to_score(scoring)
        device = choose_device(parameters.device)
        context.device(device_name(device))
        extractor, head = open_classifier(scoring.classifier, device=device)
    except (StudyError, WeightsError, ValueError) as error:
        raise JobError(str(error)) from error
    learnt = learnt_from(scoring.classifier)
    flattering = frozenset(image.image_id for image in images if was_learnt(image, learnt))
    counted = LearntImages(
        n_same=(n_same := sum(image.sha256 in learnt.images for image in images)),
        n_patients=len(flattering) - n_same,
    )
    context.log(f"{len(images)} images by {scoring.classifier}")
    if counted.n:
        context.log(f"The classifier learnt from {counted.n} of these images, or from their patients", level="warning")
    _score(context, scoring, images, extractor, head, flattering)
    context.progress(len(images), len(images), "images", "Tables and figures")
    results = _results(context, scoring, counted)
    with context.fenced():
        record_scoring_results(scoring=scoring, results=results.to_dict())
    for name in (PIXELS, PIXELS.replace(".npy", ".json")):
        (context.directory / name).unlink(missing_ok=True)
    return {"scoring_id": str(scoring.pk), "images": len(images)}


def _score(
    context: JobContext,
    scoring: Scoring,
    images: list[ImageToScore],
    extractor: Extractor,
    head: Head,
    flattering: frozenset[UUID],
) -> None:
    of_pixels: dict[str, list[UUID]] = {}
    for image in images:
        of_pixels.setdefault(image.sha256, []).append(image.image_id)
    hashes = list(of_pixels)
    done = set(scoring.scores.values_list("image_id", flat=True))
    todo = [place for place, sha256 in enumerate(hashes) if not done.issuperset(of_pixels[sha256])]
    if not todo:
        return
    pixels = _render(context, hashes, side=extractor.backbone.input_side)
    size = extractor.batch_size(extractor.backbone.input_side)
    block = size * max(1, -(-LEAST_BLOCK // size))  # whole batches: no pass of the backbone is filled up in vain
    for start in range(0, len(todo), block):
        context.raise_if_stopped()
        context.progress(len(hashes) - len(todo) + start, len(hashes), "images", "Computing scores")
        places = np.array(todo[start : start + block], dtype=np.int64)
        try:
            found = score_images(extractor, head, _unlabelled(pixels, hashes, places))
        except FloatingPointError as error:
            raise JobError(str(error)) from error
        scores = {
            image_id: float(score)
            for place, score in zip(places, found, strict=True)
            for image_id in of_pixels[hashes[place]]
        }
        with context.fenced():
            record_scores(scoring=scoring, scores=scores, learnt=flattering)


def _render(context: JobContext, hashes: list[str], *, side: int) -> NDArray[np.uint8]:
    def step(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "images", "Preparing the images")

    try:
        return render_to_file(context.directory / PIXELS, hashes, size=side, step=step)
    except RenderingError as error:
        raise JobError(str(error)) from error


def _unlabelled(pixels: NDArray[np.uint8], hashes: list[str], places: NDArray[np.int64]) -> LabelledImages:
    """A block of images in memory; scoring needs no labels, so all have the first of two."""
    return LabelledImages(
        pixels=np.ascontiguousarray(pixels[places]),
        labels=np.zeros(len(places), dtype=np.int64),
        classes=("unknown", "other"),
        names=tuple(hashes[place][:NAME_DIGITS] for place in places),
        synthetic=np.zeros(len(places), dtype=bool),
    )


def _results(context: JobContext, scoring: Scoring, learnt: LearntImages) -> ScoringResults:
    experiment = scoring.classifier.experiment
    if scoring.study is not None:
        images = [scored for _, scored in scored_study_images(scoring)]
        results = make_study_results(scoring, images, learnt=learnt)
        figures = _study_figures(images, experiment.positive, results)
    else:
        images = scored_dataset_images(scoring)
        results = make_dataset_results(scoring, images, learnt=learnt)
        figures = [
            score_by_label_figure(scores_of(images), [one.label for one in images], positive=experiment.positive)
        ]
    return results.with_figures(_draw(context, figures))


def _study_figures(images: list[ScoredImage], positive: str, results: ScoringResults) -> list[Figure]:
    scores = scores_of(images)
    made = np.array([one.is_synthetic for one in images], dtype=bool)
    shares = np.array([one.share_synthetic for one in images], dtype=np.float64)
    found = [score_by_truth_figure(scores, made, [one.label for one in images], positive=positive)]
    if np.isfinite(shares).any():
        found += [
            score_by_share_figure(scores, made, shares, positive=positive, rho=results.rho[0]),
            score_by_decision_figure(scores, made, shares, positive=positive),
        ]
    return found


def _draw(context: JobContext, figures: list[Figure]) -> tuple[FigureFiles, ...]:
    """As PNG for the page and as SVG and PDF for print, files of the job."""
    folder = context.directory / "figures"
    folder.mkdir(exist_ok=True)
    said = []
    for place, figure in enumerate(figures):
        for kind in FIGURE_KINDS:
            path = folder / f"{figure.key}.{kind}"
            path.write_bytes(draw_figure(figure, kind))
            context.artefact(path, kind="figure" if kind == "png" else "file", step=place)
        said.append(FigureFiles(name=f"figures/{figure.key}", title=figure.title, alt=figure.alt))
    return tuple(said)
