"""How to read each number, for people who look at images and not at code."""

from typing import Any

from generation.measuring.summary import number

MEANINGS = {
    "fid": "Lower is nearer to real images; 0 is never reached. It falls with the number of images alone: compare it "
    "with the floor at the same number, not with other papers.",
    "kid": "Lower is nearer to real images; about 0, or a little below, this extractor cannot tell from them. It does "
    "not depend on the number of images.",
    "precision": "Share of synthetic images that lie among real ones: higher is more realistic. Copies of training "
    "images have a high precision too.",
    "recall": "Share of real images that lie among synthetic ones: low when a generator makes few kinds of picture.",
    "mifid": "The Fréchet distance, made worse when synthetic images lie very near to training images. Where the floor "
    "is made worse as well, the extractor takes all of these pictures for alike, and the memorisation check says more.",
}


def measure_rows(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the table: numbers as text, the headline first."""
    rows = []
    for measure in values["measures"]:
        floor = measure["floor"]
        rows.append(
            {
                "title": measure["title"],
                "value": number(measure["value"]),
                "spread": number(measure["details"]["sd"]) if measure["key"] == "kid" else "",
                "n": floor["n"],
                "synthetic": number(floor["synthetic"]),
                "synthetic_range": f"{number(floor['synthetic_low'])} to {number(floor['synthetic_high'])}",
                "floor": number(floor["floor"]),
                "floor_range": f"{number(floor['floor_low'])} to {number(floor['floor_high'])}",
                "meaning": MEANINGS[measure["key"]],
                "is_headline": measure["key"] == values["headline"],
            }
        )
    return sorted(rows, key=lambda row: not row["is_headline"])
