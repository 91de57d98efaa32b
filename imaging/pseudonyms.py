"""Keyed pseudonyms for patient identifiers and file names. The originals are not kept in any table of images.

HMAC-SHA256 under a secret of this installation: the same patient has the same pseudonym in every dataset, so that
splits by patient can be checked, and nobody without the key can go back by trying identifiers.
"""

import base64
import hashlib
import hmac
import os
import secrets
from functools import cache
from pathlib import Path

from django.conf import settings


def patient_pseudonym(patient_id: str) -> str:
    """16 letters and digits for a patient identifier; "" for an empty one."""
    return _pseudonym("patient", patient_id)


def source_pseudonym(file_name: str) -> str:
    """16 letters and digits for a file name; "" for an empty one."""
    return _pseudonym("file", file_name)


def _pseudonym(kind: str, value: str) -> str:
    if not value:
        return ""
    key = _key(Path(settings.DATA_DIR) / "secrets" / "pseudonym_key")
    digest = hmac.new(key, f"{kind}\0{value}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode()  # 80 bits: no collision among millions of patients


@cache
def _key(path: Path) -> bytes:
    """The secret of this installation, made on first use, readable by the owner only.

    Losing it costs the link between old and new pseudonyms; giving it away makes pseudonyms guessable.
    """
    try:
        return bytes.fromhex(path.read_text())
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    temporary.touch(mode=0o600)
    try:
        temporary.write_text(secrets.token_hex(32))
        os.link(temporary, path)  # fails when another process was first: its key stands
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return bytes.fromhex(path.read_text())
