"""Files of a measurement: its values, each synthetic image with its nearest training image, a plot, a sheet."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from generation.gan.grids import grid_png
from generation.gan.measures.memorisation import Memorisation
from generation.measuring.image_sets import MeasuredSets, load_square
from generation.measuring.names import MEASURES, NEAREST, NEAREST_SMALL, PLOT, PLOT_SMALL, SHEET, VALUES
from generation.measuring.summary import REFERENCES, number

SHEET_PAIRS, SHEET_SIDE = 12, 128  # the most suspicious; px
COLUMNS = ("rank", "synthetic", "label", "nearest_training", "distance", "suspicion", "flagged")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_report_files(
    folder: Path, *, sets: MeasuredSets, values: dict[str, Any], check: Memorisation, small: Memorisation
) -> list[str]:
    """Write every file into `folder` and return their names. Images are named by the SHA-256 of their pixels.

    `check` is the memorisation check in feature space, `small` that of small pictures.
    """
    folder.mkdir(parents=True)
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / VALUES).write_text(f"{text}\n", encoding="utf-8")
    _write_measures(folder / MEASURES, values)
    _write_nearest(folder / NEAREST, sets, check)
    _write_nearest(folder / NEAREST_SMALL, sets, small)
    _plot(folder / PLOT, check, "feature space")
    _plot(folder / PLOT_SMALL, small, "small pictures")
    _sheet(folder / SHEET, sets, check)
    return [VALUES, MEASURES, NEAREST, NEAREST_SMALL, PLOT, PLOT_SMALL, SHEET]


def _write_measures(path: Path, values: dict[str, Any]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(
            ("measure", "value", "n_training", "n_synthetic", "n_of_floor", "synthetic_at_n", "floor", "floor_low",
             "floor_high", "splits", "extractor", "weights_sha256")
        )  # fmt: skip
        extractor = values["extractor"]
        for measure in values["measures"]:
            floor = measure["floor"]
            writer.writerow(
                (measure["key"], measure["value"], values["n_training"], values["n_synthetic"], floor["n"],
                 floor["synthetic"], floor["floor"], floor["floor_low"], floor["floor_high"], floor["splits"],
                 extractor["name"], extractor["weights_sha256"])
            )  # fmt: skip


def _write_nearest(path: Path, sets: MeasuredSets, check: Memorisation) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for rank, position in enumerate(check.order(), start=1):
            label = sets.synthetic.labels[position]
            label = f"'{label}" if label.startswith(FORMULA_STARTS) else label
            writer.writerow(
                (rank, f"I{sets.synthetic.hashes[position]}", label,
                 f"I{sets.training.hashes[check.nearest[position]]}", f"{check.distance[position]:.6g}",
                 f"{check.suspicion[position]:.6g}", int(check.flagged[position]))
            )  # fmt: skip


def _plot(path: Path, check: Memorisation, space: str) -> None:
    """Both distributions of distances, and the threshold."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    highest = float(max(check.distance.max(), check.reference_distance.max()))
    bins = np.linspace(0, highest * 1.02 or 1.0, 60).tolist()
    sets = (
        (check.reference_distance, "#5b6770", REFERENCES[check.reference].split(",")[0].capitalize()),
        (check.distance, "#b3541e", "Synthetic images"),
    )
    for distances, colour, words in sets:
        weights = np.full(len(distances), 100 / len(distances))
        axes.hist(
            distances, bins=bins, weights=weights, histtype="stepfilled", alpha=0.55, color=colour,
            label=f"{words} ({len(distances):,})",
        )  # fmt: skip
    axes.axvline(
        check.threshold,
        color="#14181c",
        linestyle="--",
        linewidth=1.2,
        label=f"Flagged up to {number(check.threshold)}",
    )
    axes.set_xlabel(f"Distance to the nearest training image ({space})")
    axes.set_ylabel("Images (%)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, format="svg", metadata={"Date": None})


def _sheet(path: Path, sets: MeasuredSets, check: Memorisation) -> None:
    """The most suspicious synthetic images above, their nearest training images below."""
    chosen = check.order()[:SHEET_PAIRS]
    side = min(sets.side, SHEET_SIDE)
    rows = np.stack(
        [
            np.stack([load_square(sets.synthetic.hashes[i], side) for i in chosen]),
            np.stack([load_square(sets.training.hashes[i], side) for i in check.nearest[chosen]]),
        ]
    )
    path.write_bytes(grid_png(rows, scale=1 if side > 64 else 2))
