"""Which classes a generator of a publication learnt from, by their role: the normal class, and all the others.

A preset names the mix; which class of a dataset is the normal one is found by its name, or said by a person.
"""

from collections.abc import Collection
from dataclasses import dataclass

# as labels are compared: lower case, words joined by single spaces
NORMAL_NAMES = frozenset({"normal", "normals", "nor", "no finding", "no findings", "healthy", "negative", "control"})


@dataclass(frozen=True, kw_only=True)
class ClassMix:
    """All abnormal images or none of them, with all normal ones, some of them, or none."""

    words: str  # "all abnormal images and at most 20,000 normal ones"
    has_abnormal: bool
    has_normal: bool
    most_normal: int | None = None  # None: all of them

    def __post_init__(self) -> None:
        if not (self.has_abnormal or self.has_normal):
            raise ValueError("has_abnormal and has_normal are both False; a generator needs images of some class")
        if self.most_normal is not None and (self.most_normal < 1 or not self.has_normal):
            raise ValueError(f"most_normal is {self.most_normal}; it is 1 or more, of a mix that has normal images")

    def choose(self, labels: Collection[str], *, normal: str | None) -> tuple[list[str], dict[str, int]]:
        """Labels to train on, in alphabetical order, and the most images of a label.

        `normal` is the normal class among `labels`, None when none of them is: then a mix is of the abnormal images
        alone. Raises ValueError for a class that is not there, and when the mix is of normal images alone and there is
        no normal class, or of abnormal ones and there is no other.
        """
        if normal is not None and normal not in labels:
            raise ValueError(f"There is no class {normal!r}; there are {', '.join(sorted(labels))}")
        if self.has_abnormal and not set(labels) - {normal}:
            raise ValueError(f"All images are of the class {normal}; {self.words} need another class as well")
        if not self.has_abnormal and normal is None:
            raise ValueError(f"Without a normal class there are no {self.words}")
        chosen = [label for label in sorted(labels) if (self.has_normal if label == normal else self.has_abnormal)]
        is_limited = normal in chosen and self.most_normal is not None
        return chosen, {normal: self.most_normal} if is_limited else {}  # type: ignore[dict-item]  # neither is None


def find_normal(labels: Collection[str]) -> str | None:
    """The one label that is a usual name of normal images, whatever its case; None for none, or for several."""
    found = [label for label in labels if " ".join(label.lower().replace("_", " ").split()) in NORMAL_NAMES]
    return found[0] if len(found) == 1 else None


# Jang et al. 2023, Sci Rep 13:2356: one generator of normal radiographs, one of abnormal and 20,000 normal ones
NORMAL_ALONE = ClassMix(words="normal images alone", has_normal=True, has_abnormal=False)
ABNORMAL_AND_20000_NORMAL = ClassMix(
    words="all abnormal images and at most 20,000 normal ones", has_normal=True, has_abnormal=True, most_normal=20_000
)
