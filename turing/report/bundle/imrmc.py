"""Graded answers in the format of iMRMC, the program for multi-reader multi-case studies of the FDA (DIDSR/iMRMC).

Its input file has lines of readerID, caseID, modalityID, score; truth stands in lines with the reader −1 and the
modality "truth": 1 for signal (here: synthetic), 0 for no signal.
"""

import math

from turing.analysis.answers import Answers

MODALITY = "reading"
TRUTH_READER = "-1"


def imrmc_text(answers: Answers) -> str:
    """The file, for first answers with a rating. Commas and line breaks in names become underscores.

    Raises
    ------
    ValueError : answers that are not graded, pairs, or two names that become the same.
    """
    if answers.rating is None or answers.is_pairs:
        raise ValueError("The iMRMC format is for graded answers about single images; these answers are not graded.")
    readers, images = _names(answers.readers), _names(answers.images)
    first = answers.first
    assert_rating = first.rating
    lines = [
        f"Answers of {len(readers)} readers about {len(images)} images; signal = synthetic",
        f"N0: {len({int(i) for i in first.image[first.truth == 0]})}",
        f"N1: {len({int(i) for i in first.image[first.truth == 1]})}",
        f"NR: {len({int(r) for r in first.reader})}",
        "NM: 1",
        "BEGIN DATA:",
    ]
    truth = {int(image): int(kind) for image, kind in zip(first.image, first.truth, strict=True)}
    lines += [f"{TRUTH_READER},{images[image]},truth,{kind}" for image, kind in sorted(truth.items())]
    for row in sorted(range(len(first)), key=lambda row: (first.reader[row], first.image[row])):
        rating = float(assert_rating[row]) if assert_rating is not None else math.nan
        if not math.isnan(rating):
            lines.append(f"{readers[first.reader[row]]},{images[first.image[row]]},{MODALITY},{rating:g}")
    return "\n".join(lines) + "\n"


def _names(names: tuple[str, ...]) -> list[str]:
    plain = ["_".join(name.replace(",", " ").split()) for name in names]
    if len(set(plain)) != len(plain):
        twice = sorted({name for name in plain if plain.count(name) > 1})
        raise ValueError(
            f"Names that iMRMC cannot tell apart: {', '.join(twice)}. Rename them without commas and spaces."
        )
    return plain
