"""What a reader of the numbers must be told: a stable code for programs, a sentence for people."""

from dataclasses import dataclass

import numpy as np

from turing.stats.mixed.layout import Design


@dataclass(frozen=True)
class Remark:
    """A warning of a fit; `code` stays the same across versions, `text` may not."""

    code: str
    text: str


SINGULAR = {
    "image": Remark(
        "singular-image",
        "The standard deviation between images is estimated as 0, the edge of what is possible (singular fit): the "
        "data show no more difference between images than chance makes.",
    ),
    "reader": Remark(
        "singular-reader",
        "The standard deviation between readers is estimated as 0, the edge of what is possible (singular fit): the "
        "data show no more difference between readers than chance makes; with few readers this does not mean that "
        "there is none.",
    ),
}


def remarks_on_design(design: Design, reader_of_row: np.ndarray, n_readers: int) -> tuple[Remark, ...]:
    """Warnings that follow from who read, before anything is fitted."""
    found = []
    if n_readers == 2:
        found.append(
            Remark(
                "two-readers",
                "There are only two readers: the standard deviation between readers cannot be told, and an interval "
                "does not cover how other readers would differ.",
            )
        )
    lonely = _columns_with_one_reader(design, reader_of_row, n_readers)
    if lonely:
        found.append(
            Remark(
                "one-reader-in-group",
                f"A group consists of one reader ({', '.join(lonely)}): its effect cannot be told from that of the "
                "reader, and the interval ignores it.",
            )
        )
    return tuple(found)


def _columns_with_one_reader(design: Design, reader_of_row: np.ndarray, n_readers: int) -> list[str]:
    """Names of the columns that tell apart a group of one reader: two-valued ones that are constant in each reader.

    A group is one value of one column, or the reference group of a factor, where all such columns are 0.
    """
    of_reader = np.empty((n_readers, design.matrix.shape[1]))
    of_reader[reader_of_row] = design.matrix
    whole = (design.matrix == of_reader[reader_of_row]).all(axis=0)
    columns = [int(column) for column in np.flatnonzero(whole) if len(np.unique(of_reader[:, column])) == 2]
    lonely = [column for column in columns if np.unique(of_reader[:, column], return_counts=True)[1].min() == 1]
    if not lonely and (of_reader[:, columns] == 0).all(axis=1).sum() == 1:
        lonely = columns
    return [design.names[column] for column in lonely]
