"""Names of a measurement's files and what they are; importable without PyTorch."""

VALUES, MEASURES, NEAREST = "measures.json", "measures.csv", "memorisation.csv"
PLOT, SHEET = "distances.svg", "nearest.png"
NEAREST_SMALL, PLOT_SMALL = "memorisation-pictures.csv", "distances-pictures.svg"

FILES = (
    (MEASURES, "Measures with their floors (CSV)"),
    (NEAREST, "Every synthetic image with its nearest training image (CSV)"),
    (NEAREST_SMALL, "The same by likeness of small pictures, without a network (CSV)"),
    (VALUES, "All values and settings (JSON)"),
    (PLOT, "Distances to the nearest training image (SVG)"),
    (PLOT_SMALL, "The same by likeness of small pictures (SVG)"),
    (SHEET, "The most suspicious images above their nearest training images (PNG)"),
)
