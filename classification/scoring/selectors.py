"""Reads on scorings: which images are scored, lists for pages, and scores joined with what the images are."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from classification.models import Classifier, Experiment, Explanation, ImageScore, Scoring
from classification.scoring.learnt import Learnt
from classification.scoring.measuring import ScoredImage
from classification.scoring.results import ScoringResults
from imaging.models import Dataset, Image
from turing.models import Study, TrialTruth
from turing.results.beside import ReadImage, read_images

NAME_DIGITS = 12  # of a pixel hash: how tables and files name an image


@dataclass(frozen=True, kw_only=True)
class ImageToScore:
    image_id: UUID
    sha256: str  # of its pixels
    patient: str  # pseudonym; "" where it is not known


@dataclass(frozen=True, kw_only=True)
class CaughtImage:
    """A synthetic image that every reader called synthetic."""

    position: int  # in the study
    image: Image
    score: float


def list_scorings(*, study: Study | None = None, dataset: Dataset | None = None) -> QuerySet[Scoring]:
    """Newest first, with classifier, experiment and job."""
    return Scoring.objects.filter(study=study, dataset=dataset).select_related(
        "classifier__experiment", "job", "created_by"
    )


def list_classifiers() -> list[Classifier]:
    """All of them; first those that tell real from synthetic, then the newest experiments."""
    found = Classifier.objects.select_related("experiment").order_by("-experiment__created_at", "arm", "seed")
    return sorted(found, key=lambda one: one.experiment.kind != Experiment.Kind.ORIGIN)


def tells_origin(classifier: Classifier) -> bool:
    """Whether it was trained to tell real from synthetic images: then it sits beside the readers."""
    return classifier.experiment.kind == Experiment.Kind.ORIGIN


def negative_of(experiment: Experiment) -> str:
    others = [name for name in experiment.classes if name != experiment.positive]
    return others[0] if len(others) == 1 else f"not {experiment.positive}"


def images_to_score(scoring: Scoring) -> list[ImageToScore]:
    """In a fixed order. Raises StudyError when it is of a study that is not closed."""
    if scoring.study is not None:
        return sorted(
            {
                ImageToScore(image_id=one.image_id, sha256=one.pixel_sha256, patient=one.patient)
                for one in read_images(scoring.study)
            },
            key=lambda one: (one.sha256, str(one.image_id)),
        )
    assert scoring.dataset is not None  # noqa: S101  a constraint holds it
    rows = scoring.dataset.images.order_by("pixel_sha256", "id").values_list("id", "pixel_sha256", "patient_pseudonym")
    return [ImageToScore(image_id=key, sha256=sha256, patient=patient) for key, sha256, patient in rows]


def was_learnt(image: ImageToScore, learnt: Learnt) -> bool:
    return image.sha256 in learnt.images or image.patient in learnt.patients


def scored_study_images(scoring: Scoring) -> list[tuple[ReadImage, ScoredImage]]:
    """Images of the study that have a score, by position, with what readers said."""
    assert scoring.study is not None  # noqa: S101
    scores = _scores(scoring)
    return [
        (
            one,
            ScoredImage(
                score=scores[one.image_id][0],
                origin=one.origin,
                label=one.label,
                patient=_patient(one.patient, one.pixel_sha256),
                was_learnt=scores[one.image_id][1],
                position=one.position,
                n_answers=one.n_answers,
                n_synthetic=one.n_synthetic,
                unanimous=one.unanimous,
            ),
        )
        for one in read_images(scoring.study)
        if one.image_id in scores
    ]


def scored_dataset_images(scoring: Scoring) -> list[ScoredImage]:
    """In the order of pixel hashes."""
    assert scoring.dataset is not None  # noqa: S101
    rows = scoring.scores.order_by("image__pixel_sha256", "image_id").values_list(
        "score", "was_learnt", "image__label", "image__patient_pseudonym", "image__pixel_sha256"
    )
    return [
        ScoredImage(
            score=score,
            origin=scoring.dataset.origin,
            label=label,
            patient=_patient(patient, sha256),
            was_learnt=learnt,
        )
        for score, learnt, label, patient, sha256 in rows
    ]


def by_score(scoring: Scoring, *, lowest: bool = False) -> QuerySet[ImageScore]:
    """Scores with their images, the highest first, or the lowest."""
    return scoring.scores.select_related("image").order_by("score" if lowest else "-score", "image_id")


def _scores(scoring: Scoring) -> dict[UUID, tuple[float, bool]]:
    return {
        key: (score, learnt) for key, score, learnt in scoring.scores.values_list("image_id", "score", "was_learnt")
    }


def _patient(pseudonym: str, sha256: str) -> str:
    return pseudonym or f"image {sha256}"


def caught_images(scoring: Scoring, results: ScoringResults) -> list[CaughtImage]:
    """The synthetic images that every reader called synthetic, with their scores; the highest first."""
    wanted = TrialTruth.objects.filter(trial__study=scoring.study, trial__position__in=results.caught)
    images = {truth.image_id: truth for truth in wanted.select_related("trial", "image")}
    scores = scoring.scores.filter(image__in=list(images)).order_by("-score", "image_id")
    return [
        CaughtImage(position=images[one.image_id].trial.position, image=images[one.image_id].image, score=one.score)
        for one in scores
    ]


def explanations_of(scoring: Scoring, caught: list[CaughtImage]) -> list[Explanation]:
    """Maps by the same classifier of some of these images, and of no others; newest first."""
    keys = {str(one.image.pk) for one in caught}
    made = Explanation.objects.filter(classifier=scoring.classifier).select_related("job")
    return [one for one in made if keys.issuperset(one.image_ids)]


def scoring_in_words(scoring_id: str) -> tuple[list[tuple[str, str]], str]:
    """What was asked for, for the page of the job, and where the outcome is shown."""
    scoring = Scoring.objects.select_related("classifier__experiment", "study", "dataset").get(pk=scoring_id)
    kind = "Study" if scoring.study is not None else "Dataset"
    facts = [
        (kind, str(scoring.study or scoring.dataset)),
        ("Classifier", str(scoring.classifier)),
        ("Score of", scoring.classifier.experiment.positive),
    ]
    return facts, scoring.get_absolute_url()
