"""The manifest of a study, made from the rows of its trials: those that are being written, or those that are there."""

from collections.abc import Sequence

from turing.models import Study, TrialTruth
from turing.protocol import FIRST_MANIFEST_SCHEMA, ManifestEntry, document_sha256, manifest_document


def manifest_sha256(study: Study, truths: Sequence[TrialTruth] | None = None) -> str:
    """By the schema that its protocol names. `truths`, each with its trial and images: as they are now unless given."""
    if truths is None:
        truths = list(
            TrialTruth.objects.filter(trial__study=study).select_related("trial", "image", "right_image", "repeat_of")
        )
    document = manifest_document(
        study_id=str(study.pk),
        image_size=study.image_size,
        entries=[_entry(truth) for truth in truths],
        schema=study.protocol.get("manifest_schema", FIRST_MANIFEST_SCHEMA),
        bit_depth=study.bit_depth,
    )
    return document_sha256(document)


def _entry(truth: TrialTruth) -> ManifestEntry:
    trial = truth.trial
    return ManifestEntry(
        position=trial.position,
        origin=truth.origin,
        label=truth.label,
        pixel_sha256=truth.image.pixel_sha256,
        stimulus_sha256=trial.stimulus_sha256,
        phase=trial.phase,
        block=trial.block,
        is_practice=trial.is_practice,
        repeat_of=None if truth.repeat_of is None else truth.repeat_of.position,
        right_label=truth.right_label,
        right_pixel_sha256="" if truth.right_image is None else truth.right_image.pixel_sha256,
        right_stimulus_sha256=trial.right_sha256,
    )
