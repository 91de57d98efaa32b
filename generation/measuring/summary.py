"""What was measured, in sentences that a reader of a paper understands; printed in pages and in a study's report."""

from typing import Any

REFERENCES = {
    "held_out": "real images that were not trained on",
    "other_patients": "training images, each to the nearest one of another patient",
}


def summary(values: dict[str, Any]) -> list[str]:
    """Of the values of a measurement: distance, variety, copies, and what limits them."""
    found = {measure["key"]: measure for measure in values["measures"]}
    head = found[values["headline"]]
    floor, extractor = head["floor"], values["extractor"]
    texts = [
        f"{head['title']}: {number(head['value'])} ({values['n_synthetic']:,} synthetic against "
        f"{values['n_training']:,} real images). With {floor['n']:,} images each it is {number(floor['synthetic'])}; "
        f"two halves of the real images, of different patients, are at {number(floor['floor'])} from each other "
        f"(real-real floor, {floor['splits']} splits).",
        f"Features: {extractor['title']}, weights {extractor['weights_sha256'][:12]}.",
        f"Precision {found['precision']['value']:.2f}, recall {found['recall']['value']:.2f} "
        f"(floor {found['precision']['floor']['floor']:.2f} and {found['recall']['floor']['floor']:.2f}).",
    ]
    for row in values.get("ms_ssim", []):
        if "synthetic" in row and "real" in row:
            texts.append(
                f"Likeness of pairs of class {row['label']} (MS-SSIM, {row['variant'].split(' at ')[0]}): synthetic "
                f"{row['synthetic']['mean']:.3f}, real {row['real']['mean']:.3f}."
            )
    texts.append(f"Memorisation: {_memorisation(values['memorisation'])}")
    if "memorisation_pictures" in values:
        texts.append(
            f"By likeness of small pictures, without a network: {_memorisation(values['memorisation_pictures'])}"
        )
    if values["images"]["pixel_copies"]:
        texts.append(f"{values['images']['pixel_copies']} synthetic images are training images, pixel for pixel.")
    if extractor["is_random"]:
        texts.append(
            "The extractor has random weights: these numbers can be compared with one another and with the floor, and "
            "with nothing that was published."
        )
    if values["n_without_patient"]:
        texts.append(
            f"{values['n_without_patient']:,} training images have no patient identifier and count as patients of "
            "their own: the floor may be too low."
        )
    return texts


def _memorisation(found: dict[str, Any]) -> str:
    return (
        f"{found['n_flagged']:,} of {found['n']:,} synthetic images "
        f"({100 * found['share']:.1f} %, 95 % interval {100 * found['low']:.1f} to {100 * found['high']:.1f}) lie as "
        f"near to a training image as at most {100 * found['level']:.3g} % of {found['n_reference']:,} "
        f"{REFERENCES[found['reference']]}."
    )


def number(value: float) -> str:
    """Three significant digits, never as a power of ten below a million."""
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        text = f"{value:.3g}"
        return f"{value:,.0f}" if "e" in text else text
    return f"{value:.2e}"
