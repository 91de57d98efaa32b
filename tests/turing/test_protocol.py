"""Hashes of what is frozen."""

import hashlib

import pytest

from tests.turing.builders import make_draft, make_open_study
from turing.models import Phase, Study
from turing.protocol import ManifestEntry, canonical_json, document_sha256, manifest_document
from turing.results.selectors import record_problems


def test_canonical_json_is_one_spelling():
    assert canonical_json({"b": [1, 2.5], "a": "ü", "c": None}) == '{"a":"ü","b":[1,2.5],"c":null}'.encode()


def test_hash_is_sha256_of_the_canonical_bytes():
    assert document_sha256({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()


def test_not_a_number_cannot_be_hashed():
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json(float("nan"))


def test_manifest_lists_trials_by_position_whatever_order_they_come_in():
    entries = [
        ManifestEntry(position=position, origin="real", label="x", pixel_sha256="a", stimulus_sha256="b")
        for position in (2, 1)
    ]

    document = manifest_document(study_id="s", image_size=8, entries=entries)

    assert [trial["position"] for trial in document["trials"]] == [1, 2]


ENTRY = {"position": 1, "origin": "real", "label": "x", "pixel_sha256": "a", "stimulus_sha256": "b"}
LATER = {
    "phase": 2,
    "block": 1,
    "is_practice": True,
    "repeat_of": 3,
    "right_label": "y",
    "right_pixel_sha256": "c",
    "right_stimulus_sha256": "d",
}


def manifest(*entries, **changes):
    return manifest_document(
        study_id="s", image_size=8, entries=[ManifestEntry(**entry) for entry in entries], **changes
    )


@pytest.mark.parametrize(
    ("field", "value"), [*((name, "other") for name in ENTRY if name != "position"), *LATER.items()]
)
def test_any_change_of_a_trial_changes_the_hash(field, value):
    assert document_sha256(manifest(ENTRY)) != document_sha256(manifest({**ENTRY, field: value}))


def test_the_depth_is_part_of_the_manifest():
    assert document_sha256(manifest(ENTRY, bit_depth=16)) != document_sha256(manifest(ENTRY))


def test_a_manifest_of_before_is_spelt_as_before():
    """Written out from the program as it was when those studies were opened."""
    assert manifest(ENTRY, schema=1) == {
        "schema": 1,
        "study": "s",
        "image_size": 8,
        "trials": [{"position": 1, "origin": "real", "label": "x", "pixel_sha256": "a", "stimulus_sha256": "b"}],
    }


def test_a_manifest_of_a_later_program_is_not_guessed_at():
    with pytest.raises(ValueError, match="Manifest schema 3 is not known"):
        manifest(ENTRY, schema=3)


# of a study and of a phase: what is no part of the protocol, and what stands in it under another name
NOT_OF_THE_PROTOCOL = {
    *(
        "id",
        "project",
        "status",
        "protocol",
        "protocol_sha256",
        "manifest_sha256",
        "opened_at",
        "opened_by",
        "closed_at",
    ),
    *("closed_by", "created_by", "created_at", "study", "number"),
}
ELSEWHERE = {
    "real_dataset": "real",
    "real_filters": "real",
    "n_real": "real",
    "synthetic_dataset": "synthetic",
    "synthetic_filters": "synthetic",
    "n_synthetic": "synthetic",
    "leak_limit": "leak_audit",
}


@pytest.mark.django_db
def test_every_field_that_can_be_chosen_is_in_the_protocol():
    """A new field of a study must be put into the document, or named above as no part of it."""
    study = make_open_study(later_phases=[{"n_real": 1, "n_synthetic": 1}], n_real=1, n_synthetic=1)

    for model, document in ((Study, study.protocol), (Phase, study.protocol["phases"][1])):
        for field in model._meta.concrete_fields:
            if field.name not in NOT_OF_THE_PROTOCOL:
                assert ELSEWHERE.get(field.name, field.name) in document, field.name


@pytest.mark.django_db
def test_the_document_says_what_was_chosen():
    later = {"title": "Informed", "question": "Real?", "real_label": "Yes", "synthetic_label": "No"}
    study = make_open_study(
        n_real=2,
        n_synthetic=2,
        order="blocks",
        block_size=2,
        n_repeats=1,
        break_every=3,
        exposure_limit_ms=500,
        time_limit_ms=9000,
        shows_total=False,
        consent="I *agree*.",
        group_by="years",
        groups=[{"name": "A", "from_years": 0}, {"name": "B", "from_years": 5}],
        equivalence_margin=0.07,
        longest_time_ms=300_000,
        later_phases=[{**later, "n_real": 1, "n_synthetic": 1}],
    )

    protocol = study.protocol
    assert (protocol["schema"], protocol["manifest_schema"], protocol["follows"]) == (4, 2, None)
    assert (protocol["order"], protocol["block_size"], protocol["n_repeats"]) == ("blocks", 2, 1)
    assert (protocol["break_every"], protocol["exposure_limit_ms"], protocol["time_limit_ms"]) == (3, 500, 9000)
    assert (protocol["shows_total"], protocol["consent"]) == (False, "I *agree*.")
    assert protocol["groups"] == [{"name": "A", "from_years": 0}, {"name": "B", "from_years": 5}]
    assert (protocol["equivalence_margin"], protocol["confidence_level"]) == (0.07, 0.95)
    assert (protocol["shortest_time_ms"], protocol["longest_time_ms"], protocol["outlier_mads"]) == (
        None,
        300_000,
        None,
    )
    first, second = protocol["phases"]
    assert (first["question"], first["real"]) == (protocol["question"], protocol["real"])
    assert {name: second[name] for name in later} == later
    assert (second["real"]["drawn"], second["real"]["candidates"]) == (1, study.real_dataset.images.count())
    assert protocol["answers"] == ["real", "synthetic"]
    assert record_problems(study) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scale", "answers"),
    [("confidence", ["real", "synthetic"]), ("pair", ["left", "right"])],
)
def test_the_document_names_the_answers_of_the_scale(scale, answers):
    protocol = make_open_study(scale=scale).protocol

    assert protocol["answers"] == answers
    assert ("confidence_labels" in protocol) == (scale == "confidence")


@pytest.mark.django_db
def test_a_draft_has_no_protocol_yet():
    assert make_draft().protocol == {}
