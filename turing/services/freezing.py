"""Puts a prepared opening into the database, inside a transaction that holds the lock of the study."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model
from django.utils import timezone

from config.accounts.models import User
from imaging.models import Dataset, Image
from imaging.services import freeze_dataset
from turing import stimuli
from turing.audit.records import RowRecord, describe_row
from turing.blinding import DEFAULT_ALPHA
from turing.errors import StudyError
from turing.manifests import manifest_sha256
from turing.models import Phase, PracticeFeedback, Scale, Study, Trial, TrialTruth
from turing.protocol import document_sha256, protocol_document
from turing.scales import CONFIDENCE_LABELS, responses_of, right_response
from turing.services.planning import Plan, PlannedTrial, phases_of, plan_study
from turing.services.rendering import RenderedImage

SHOWN_OF_IMAGE = ("dataset_id", "pixel_sha256", "label")  # not who the patient is: the chain forgets nothing
# fields that enter the protocol under their own name; each phase has its own words and images
CHOICES = (
    *("name", "positive_class", "is_example", "scale", "mark_kind", "asks_comment", "n_practice", "practice_feedback"),
    *("n_repeats", "order", "block_size", "break_every", "exposure_limit_ms", "time_limit_ms", "shows_total"),
    *("shows_score", "consent", "closing_text", "group_by", "groups", "washout_days"),
    *("equivalence_margin", "confidence_level", "shortest_time_ms", "longest_time_ms", "outlier_mads"),
)
WORDS = ("question", "instructions", "real_label", "synthetic_label")

Rendered = dict[int, tuple[RenderedImage, ...]]


def freeze_study(study: Study, plan: Plan, rendered: Rendered, *, by: User | None) -> list[Model | RowRecord]:
    """Makes a locked draft an open study; the rows it wrote, for the audit chain.

    Raises StudyError when the plan would be another one now.
    """
    phases = phases_of(study)
    for phase in phases:
        for dataset in (phase.real_dataset, phase.synthetic_dataset):
            freeze_dataset(dataset=dataset)  # first, so that the candidates stay those that are drawn from
    if plan_study(study) != plan:
        raise changed_meanwhile(study)
    # with the lock of the draft held, which whoever sweeps takes too: from here on the files are needed
    if not all(stimuli.is_stored(image.file) for images in rendered.values() for image in images):
        raise StudyError(f"Files of “{study}” were removed while it was being opened. Open it again.")
    truths = insert_trials(study, plan.trials, rendered)
    feedback = PracticeFeedback.objects.bulk_create(
        PracticeFeedback(
            trial=truth.trial,
            value=right_response(study.scale, origin=truth.origin, positive_class=study.positive_class),
        )
        for truth in truths
        if truth.trial.is_practice and study.practice_feedback
    )
    study.protocol = _protocol(study, phases, plan)
    study.protocol_sha256 = document_sha256(study.protocol)
    study.manifest_sha256 = manifest_sha256(study, truths)
    study.status = Study.Status.OPEN
    study.opened_at = timezone.now()
    study.opened_by = by
    study.save()
    trials = [truth.trial for truth in truths]
    return [*phases, *trials, *truths, *feedback, *_sources(truths)]


def insert_trials(study: Study, planned: Sequence[PlannedTrial], rendered: Rendered) -> list[TrialTruth]:
    """What is planned, as rows, by position."""
    keys = {key for trial in planned for key in (trial.image, trial.right_image) if key}
    images = Image.objects.in_bulk(list(keys))
    truths = [_unsaved(study, trial, rendered[trial.drawn.position], images) for trial in planned]
    Trial.objects.bulk_create([truth.trial for truth in truths])
    by_position = {truth.trial.position: truth.trial for truth in truths}
    for truth, trial in zip(truths, planned, strict=True):
        truth.trial_id = truth.trial.pk
        if trial.drawn.repeat_of is not None:
            truth.repeat_of = by_position[trial.drawn.repeat_of]
    TrialTruth.objects.bulk_create(truths)
    return truths


def open_for_a_moment(study: Study) -> None:
    """As open as readers would find it, until the caller rolls back."""
    unknown = "not frozen"
    Study.objects.filter(pk=study.pk).update(
        status=Study.Status.OPEN, protocol_sha256=unknown, manifest_sha256=unknown
    )  # fmt: skip
    study.refresh_from_db(fields=["status"])


def changed_meanwhile(study: Study) -> StudyError:
    return StudyError(f"“{study}”, or its images, were changed while it was being opened. Open it again.")


def _unsaved(
    study: Study, planned: PlannedTrial, files: tuple[RenderedImage, ...], images: dict[Any, Image]
) -> TrialTruth:
    drawn = planned.drawn
    left, *rest = files
    right = rest[0] if rest else None
    image, right_image = images[planned.image], images[planned.right_image] if planned.right_image else None
    trial = Trial(
        study=study,
        position=drawn.position,
        phase=drawn.phase,
        block=drawn.block,
        is_practice=drawn.is_practice,
        stimulus_file=left.file,
        stimulus_sha256=left.sha256,
        right_file=right.file if right else "",
        right_sha256=right.sha256 if right else "",
    )
    return TrialTruth(
        trial=trial,
        origin=drawn.image.origin,
        label=image.label,
        image=image,
        right_label=right_image.label if right_image else "",
        right_image=right_image,
    )


def _sources(truths: Sequence[TrialTruth]) -> list[RowRecord]:
    images = {image.pk: image for truth in truths for image in (truth.image, truth.right_image) if image}
    return [describe_row(image, only=SHOWN_OF_IMAGE) for image in images.values()]


def _protocol(study: Study, phases: Sequence[Study | Phase], plan: Plan) -> dict[str, Any]:
    first = study.follows
    choices = {name: getattr(study, name) for name in CHOICES}
    if study.scale == Scale.CONFIDENCE:
        choices["confidence_labels"] = list(CONFIDENCE_LABELS)
    return protocol_document(
        study_id=str(study.pk),
        choices=choices,
        phases=[
            {
                "title": phase.title if isinstance(phase, Phase) else "",
                **{name: getattr(phase, name) for name in WORDS},
                "real": _side(phase.real_dataset, phase.real_filters, n_real, phase.n_real),
                "synthetic": _side(phase.synthetic_dataset, phase.synthetic_filters, n_synthetic, phase.n_synthetic),
            }
            for phase, (n_real, n_synthetic) in zip(phases, plan.n_candidates, strict=True)
        ],
        follows=None
        if first is None
        else {
            "study": str(first.pk),
            "protocol_sha256": first.protocol_sha256,
            "manifest_sha256": first.manifest_sha256,
        },
        answers=[response.value for response in responses_of(study.scale)],
        image_size=study.image_size,
        bit_depth=study.bit_depth,
        seed=study.seed,
        leak_limit=study.leak_limit,
        leak_alpha=DEFAULT_ALPHA,
    )


def _side(dataset: Dataset, filters: dict[str, Any], n_candidates: int, n_drawn: int) -> dict[str, Any]:
    return {
        "dataset": str(dataset.pk),
        "dataset_name": dataset.name,
        "filters": filters,
        "candidates": n_candidates,
        "drawn": n_drawn,
    }
