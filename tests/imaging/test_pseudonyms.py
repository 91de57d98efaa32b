"""Pseudonyms: keyed, stable, and of no use to whoever has not got the key."""

import base64
import hashlib
import hmac
import stat

from imaging.pseudonyms import patient_pseudonym, source_pseudonym


def test_a_pseudonym_is_the_hmac_under_the_key(data_dir):
    pseudonym = patient_pseudonym("4711")

    key = bytes.fromhex((data_dir / "secrets/pseudonym_key").read_text())
    expected = base64.b32encode(hmac.new(key, b"patient\x004711", hashlib.sha256).digest()[:10]).decode()
    assert len(key) == 32
    assert pseudonym == expected


def test_the_key_is_private(data_dir):
    patient_pseudonym("4711")

    assert stat.S_IMODE((data_dir / "secrets/pseudonym_key").stat().st_mode) == 0o600
    assert [path.name for path in (data_dir / "secrets").iterdir()] == ["pseudonym_key"]


def test_same_in_same_out_and_nothing_for_nothing():
    assert patient_pseudonym("4711") == patient_pseudonym("4711")
    assert patient_pseudonym("") == source_pseudonym("") == ""
    assert len({patient_pseudonym("4711"), patient_pseudonym("4712"), source_pseudonym("4711")}) == 3


def test_another_installation_has_other_pseudonyms(settings, tmp_path):
    here = patient_pseudonym("4711")
    settings.DATA_DIR = tmp_path / "another"

    assert patient_pseudonym("4711") != here
