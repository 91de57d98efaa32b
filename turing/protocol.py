"""What is frozen when a study opens: the protocol (how), the manifest (which images, in which order), and their hashes.

Both are plain documents; their SHA-256 is over canonical JSON (sorted keys, no spaces, UTF-8), so anybody can compute
it again. The manifest holds truth and is therefore never stored on a row that reader-serving code loads: it is rebuilt
from the trials.
"""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy
import PIL

from turing import drawing, ordering

# 2: leak_audit; 3: all that a protocol can choose, phases, and the schema of the manifest; 4: plan of the analysis
PROTOCOL_SCHEMA = 4
MANIFEST_SCHEMA = 2  # 2: depth, phases, blocks, practice, repeats, pairs
FIRST_MANIFEST_SCHEMA = 1  # of studies whose protocol names none
_FIRST_MANIFEST_COLUMNS = ("position", "origin", "label", "pixel_sha256", "stimulus_sha256")


def canonical_json(document: Any) -> bytes:
    """The one spelling of a document that is hashed. Raises ValueError for NaN and infinity."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def document_sha256(document: Any) -> str:
    return hashlib.sha256(canonical_json(document)).hexdigest()


@dataclass(frozen=True)
class ManifestEntry:
    """One trial. `right_...`: of a pair; the others are those of its left image then."""

    position: int
    origin: str
    label: str
    pixel_sha256: str  # of the source image
    stimulus_sha256: str  # of the grey bytes that readers receive
    phase: int = 1
    block: int = 0
    is_practice: bool = False
    repeat_of: int | None = None  # position
    right_label: str = ""
    right_pixel_sha256: str = ""
    right_stimulus_sha256: str = ""


def manifest_document(
    *,
    study_id: str,
    image_size: int,
    entries: Sequence[ManifestEntry],
    schema: int = MANIFEST_SCHEMA,
    bit_depth: int = 8,
) -> dict[str, Any]:
    """Raises ValueError for a schema that is not known: a later version of the program has opened the study."""
    if schema not in (FIRST_MANIFEST_SCHEMA, MANIFEST_SCHEMA):
        raise ValueError(f"Manifest schema {schema} is not known to this version of the program")
    trials = [asdict(entry) for entry in sorted(entries, key=lambda entry: entry.position)]
    document = {"schema": schema, "study": study_id, "image_size": image_size, "trials": trials}
    if schema == FIRST_MANIFEST_SCHEMA:
        document["trials"] = [{name: trial[name] for name in _FIRST_MANIFEST_COLUMNS} for trial in trials]
    else:
        document["bit_depth"] = bit_depth
    return document


def protocol_document(
    *,
    study_id: str,
    choices: dict[str, Any],
    phases: Sequence[dict[str, Any]],
    follows: dict[str, Any] | None,
    answers: Sequence[str],
    image_size: int,
    bit_depth: int,
    seed: int,
    leak_limit: float,
    leak_alpha: float,
) -> dict[str, Any]:
    """The frozen protocol.

    choices : everything that was chosen for the study as a whole, by the names of its fields
    phases : each with its words, and its sides `real` and `synthetic` (dataset id and name, filters, number of
        candidates, number drawn); those of the first also stand at the top
    follows : of a second session, the first one and its hashes
    answers : what an answer can say
    """
    return {
        "schema": PROTOCOL_SCHEMA,
        "manifest_schema": MANIFEST_SCHEMA,
        "study": study_id,
        **choices,
        **phases[0],
        "phases": list(phases),
        "follows": follows,
        "answers": list(answers),
        "seed": seed,
        "draw": drawing.ALGORITHM,
        "ordering": ordering.ALGORITHM,
        "image_size": image_size,
        "bit_depth": bit_depth,
        "rendering": f"imaging.rendering.render_square to {bit_depth}-bit grey",
        "leak_audit": {"limit": leak_limit, "alpha": leak_alpha},
        "versions": {"numpy": numpy.__version__, "pillow": PIL.__version__, "python": platform.python_version()},
    }
