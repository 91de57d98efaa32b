"""What is frozen when a study opens: the protocol (how), the manifest (which images, in which order), and their hashes.

Both are plain documents; their SHA-256 is over canonical JSON (sorted keys, no spaces, UTF-8), so anybody can compute
it again. The manifest holds truth and is therefore never stored on a row that reader-serving code loads: it is rebuilt
from the trials.
"""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import PIL

from turing import drawing

PROTOCOL_SCHEMA = 2  # 2: leak_audit
MANIFEST_SCHEMA = 1


def canonical_json(document: Any) -> bytes:
    """The one spelling of a document that is hashed. Raises ValueError for NaN and infinity."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def document_sha256(document: Any) -> str:
    return hashlib.sha256(canonical_json(document)).hexdigest()


@dataclass(frozen=True)
class ManifestEntry:
    position: int
    origin: str
    label: str
    pixel_sha256: str  # of the source image
    stimulus_sha256: str  # of the grey bytes that readers receive


def manifest_document(*, study_id: str, image_size: int, entries: Sequence[ManifestEntry]) -> dict[str, Any]:
    return {
        "schema": MANIFEST_SCHEMA,
        "study": study_id,
        "image_size": image_size,
        "trials": [
            {
                "position": entry.position,
                "origin": entry.origin,
                "label": entry.label,
                "pixel_sha256": entry.pixel_sha256,
                "stimulus_sha256": entry.stimulus_sha256,
            }
            for entry in sorted(entries, key=lambda entry: entry.position)
        ],
    }


def protocol_document(
    *,
    study_id: str,
    name: str,
    question: str,
    instructions: str,
    positive_class: str,
    real: dict[str, Any],
    synthetic: dict[str, Any],
    seed: int,
    image_size: int,
    is_example: bool,
    leak_limit: float,
    leak_alpha: float,
) -> dict[str, Any]:
    """`real` and `synthetic`: dataset id and name, filters, number of candidates, number drawn."""
    return {
        "schema": PROTOCOL_SCHEMA,
        "study": study_id,
        "name": name,
        "question": question,
        "instructions": instructions,
        "answers": ["real", "synthetic"],
        "positive_class": positive_class,
        "real": real,
        "synthetic": synthetic,
        "seed": seed,
        "draw": drawing.ALGORITHM,
        "order": "one mixed random order, the same for every reader",
        "image_size": image_size,
        "rendering": "imaging.rendering.render_square to 8-bit grey",
        "is_example": is_example,
        "leak_audit": {"limit": leak_limit, "alpha": leak_alpha},
        "versions": {"numpy": numpy.__version__, "pillow": PIL.__version__, "python": platform.python_version()},
    }
