"""What an import is asked to do; stored with its job."""

from dataclasses import dataclass
from pathlib import Path

from imaging.intake.npz import read_class_names
from imaging.intake.preparing import AS_IT_IS, CROP, Choices

KIND = "imaging.import"


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

    @property
    def choices(self) -> Choices:
        return Choices(window=self.window, bits=self.bits, size=self.size, fit=self.fit)

    @property
    def class_names(self) -> tuple[str, ...]:
        return read_class_names(self.label_names, self.shown_source)

    @property
    def shown_source(self) -> str:
        return self.source_name or Path(self.source).name
