"""Hashes of what is frozen."""

import hashlib

import pytest

from turing.protocol import ManifestEntry, canonical_json, document_sha256, manifest_document


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


@pytest.mark.parametrize("field", ["origin", "label", "pixel_sha256", "stimulus_sha256"])
def test_any_change_of_a_trial_changes_the_hash(field):
    values = {"position": 1, "origin": "real", "label": "x", "pixel_sha256": "a", "stimulus_sha256": "b"}

    hashes = {
        document_sha256(manifest_document(study_id="s", image_size=8, entries=[ManifestEntry(**entry)]))
        for entry in (values, {**values, field: "other"})
    }

    assert len(hashes) == 2
