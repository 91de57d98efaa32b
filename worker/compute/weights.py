"""Files of network weights from elsewhere, read without running code from them, their digests checked."""

import hashlib
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

NAMED_HASH = re.compile(r"-([0-9a-f]{8,64})\.pth")
OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")  # of torchvision's and CheXNet's files


class WeightsError(ValueError):
    """A file of weights that cannot be used; the text names it and says what to do."""


def checked_digest(path: Path, *, sha256: str | None = None) -> str:
    """SHA-256 of a file of weights, in hexadecimal digits.

    Raises WeightsError when there is no such file, or when it has another digest than `sha256`, or than the one whose
    first digits its name carries as PyTorch's do (`densenet121-a639ec97.pth`).
    """
    if not path.is_file():
        raise WeightsError(f"There is no file of weights {path.name}")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    named = NAMED_HASH.search(path.name)
    expected = sha256 or (named[1] if named else "")
    if not digest.startswith(expected):
        raise WeightsError(
            f"The weights {path.name} have SHA-256 {digest[:16]}..., expected was {expected[:16]}: the file is "
            "damaged or another one. Download it again."
        )
    return digest


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors by name, as today's torchvision names them: without the prefixes of wrappers, old DenseNets renamed.

    Raises WeightsError for a file that is damaged or holds more than tensors.
    """
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged file raises is open: pickle, zip, tar, key and type errors
        raise WeightsError(
            f"The weights {path.name} cannot be read: damaged, or more than tensors ({type(error).__name__})"
        ) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]  # a training script's checkpoint
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"{path.name} holds no state of a network")
    state = {}
    for name, values in content.items():
        plain = name.removeprefix("module.").removeprefix("densenet121.")
        state[OLD_NAME.sub(r"\1\2.", plain)] = values
    return state


def fill_network(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Load `state`, read from `path`, into `network`; what the network does not have is left out.

    Raises WeightsError when a tensor has another shape, or one of the network's is missing.
    """
    try:
        missing, _ = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"{path.name} does not fit: {first_line(error)}") from error
    lost = [name for name in missing if not name.endswith("num_batches_tracked")]
    if lost:
        raise WeightsError(f"{path.name} lacks {len(lost)} of the network's weights, the first is {lost[0]}")


def weights_digest(network: nn.Module) -> str:
    """SHA-256 over names and values of all that a network holds, in its own order."""
    digest = hashlib.sha256()
    for name, values in network.state_dict().items():
        digest.update(name.encode() + values.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def first_line(error: Exception) -> str:
    """What an error of PyTorch says, on one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]
