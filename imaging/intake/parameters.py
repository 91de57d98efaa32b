"""What an import is asked to do; stored with its job."""

from dataclasses import dataclass
from pathlib import Path

from imaging.intake.layout import Folders
from imaging.intake.metadata import check_label
from imaging.intake.npz import read_class_names
from imaging.intake.preparing import AS_IT_IS, CROP, Choices

KIND = "imaging.import"
CLASSES, ANYTHING = "classes", "anything"  # what folders are


@dataclass(frozen=True, kw_only=True)
class ImportParameters:
    source: str  # absolute path of a ZIP archive or a folder
    dataset_name: str
    source_name: str = ""  # what the user calls it; an upload has another name on the server
    skip_bad: bool = False  # leave out what cannot be used instead of refusing everything
    licence: str = ""
    citation: str = ""
    description: str = ""
    is_phantom: bool = False
    delete_source: bool = False  # once imported; a refused source stays for another try
    created_by_id: int | None = None
    origin: str = "real"  # or "synthetic": made by a generator
    window: int = 1  # this and the next three: see `preparing.Choices`
    bits: int = AS_IT_IS
    size: int = AS_IT_IS
    fit: str = CROP
    made_with: str = ""  # synthetic: by which program, model or group; becomes part of each image's provenance
    folders: str = CLASSES  # or ANYTHING: patients, studies, series, ..., at any depth
    one_class: str = ""  # of all images for which metadata.csv has none; where folders are no classes
    label_names: str = ""  # of an NPZ whose name does not say it: see imaging.intake.npz.read_class_names

    def __post_init__(self) -> None:
        if not Path(self.source).is_absolute():
            raise ValueError(f"source must be an absolute path, not {self.source!r}")
        if not self.dataset_name.strip() or len(self.dataset_name) > 200:
            raise ValueError(f"dataset_name must have 1 to 200 characters, not {self.dataset_name!r}")
        if self.origin not in ("real", "synthetic"):
            raise ValueError(f"origin is {self.origin!r}; it must be real or synthetic")
        if len(self.made_with) > 200:
            raise ValueError(f"made_with may have 200 characters, not {len(self.made_with)}")
        if self.origin == "synthetic" and not self.made_with.strip():
            raise ValueError("made_with is missing; say which program, model or group made the images")
        if self.origin == "real" and self.made_with:
            raise ValueError("made_with is for synthetic images; real ones are made by nobody")
        if len(self.licence) > 200:
            raise ValueError(f"licence may have 200 characters, not {len(self.licence)}")
        read_class_names(self.label_names, "")
        self.choices  # noqa: B018  raises ValueError
        if self.folders not in (CLASSES, ANYTHING):
            raise ValueError(f"folders is {self.folders!r}; it must be {CLASSES} or {ANYTHING}")
        if self.one_class and self.folders == CLASSES:
            raise ValueError("one_class is for sources whose folders are no classes")
        try:
            check_label(self.one_class)
        except ValueError as error:
            raise ValueError(f"one_class {error}") from error

    @property
    def choices(self) -> Choices:
        return Choices(window=self.window, bits=self.bits, size=self.size, fit=self.fit)

    @property
    def meaning_of_folders(self) -> Folders:
        return Folders(are_classes=self.folders == CLASSES, one_class=self.one_class.strip())

    @property
    def class_names(self) -> tuple[str, ...]:
        return read_class_names(self.label_names, self.shown_source)

    @property
    def shown_source(self) -> str:
        return self.source_name or Path(self.source).name


def import_bytes(parameters: ImportParameters) -> int:
    """Of disk that an import may need: its pictures wait beside the stored ones until all were read. Twice a file's
    size, since PNG may be larger than what was in it; 0 for a folder, whose size nobody has added up.
    """
    source = Path(parameters.source)
    return 2 * source.stat().st_size if source.is_file() else 0
