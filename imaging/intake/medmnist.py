"""Downloads a dataset of MedMNIST with its own package, which also checks it (optional: turing-reader[medmnist])."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging.intake.npz import CLASS_NAMES

SIZES = (28, 64, 128, 224)  # px
CITATION = (
    "Yang J, Shi R, Wei D, et al. MedMNIST v2: a large-scale lightweight benchmark for 2D and 3D biomedical image "
    "classification. Scientific Data 2023;10:41."
)


class MedmnistError(ValueError):
    """A dataset that cannot be had; its text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class MedmnistFile:
    path: Path
    licence: str
    citation: str


def fetch_medmnist(name: str, *, size: int, folder: Path) -> MedmnistFile:
    """`name`_`size`.npz in `folder`, downloaded if it is not there; its MD5 is the one that the package knows.

    Raises MedmnistError without the package, for a dataset that is not grey with one class per image, for another
    size, and when the download fails.
    """
    try:
        from medmnist import INFO
        from torchvision.datasets.utils import download_url
    except ImportError as error:
        raise MedmnistError(
            "The package medmnist is not installed. Install it with: pip install 'turing-reader[medmnist]'"
        ) from error
    if name not in CLASS_NAMES:
        raise MedmnistError(
            f"“{name}” is not one of the datasets that can be imported: {', '.join(sorted(CLASS_NAMES))}. The others "
            "are coloured, three-dimensional or have several labels for each image."
        )
    if size not in SIZES:
        raise MedmnistError(f"There is no size {size}; there are {', '.join(map(str, SIZES))}.")
    about: dict[str, Any] = INFO[name]
    suffix = "" if size == 28 else f"_{size}"
    path = folder / f"{name}{suffix}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    url = about[f"url{suffix}"]
    try:  # as medmnist.dataset.MedMNIST.download, which would then hold all images in memory
        download_url(url, root=str(folder), filename=path.name, md5=about[f"MD5{suffix}"])
    except (RuntimeError, OSError) as error:
        raise MedmnistError(
            f"{path.name} could not be downloaded from {url}, or what came is not that file (its MD5 differs). Check "
            f"the connection; or download it elsewhere, put it into {folder} and start this again."
        ) from error
    return MedmnistFile(path=path, licence=str(about["license"]), citation=CITATION)
