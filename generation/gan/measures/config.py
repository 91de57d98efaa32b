"""What can be chosen when a dataset is measured; importable without PyTorch."""

from dataclasses import dataclass

from worker.compute.settings import MAX_SEED, Settings, setting


@dataclass(frozen=True, kw_only=True)
class MeasureSettings(Settings):
    """Settings of one measurement. Raises ValueError, naming the field, for a value that cannot be used."""

    pairs_per_class: int = setting(
        100,
        low=2,
        high=100_000,
        main=True,
        label="Pairs per class for MS-SSIM",
        help="Random pairs of images of the same class whose likeness is averaged. Kong 2022: 100.",
    )
    neighbours: int = setting(
        3,
        low=1,
        high=50,
        label="Neighbours for precision and recall",
        help="How many neighbours the reach of an image takes in. Published (Kynkäänniemi 2019): 3.",
    )
    kid_subsets: int = setting(
        100, low=2, high=1000, label="Subsets for KID", help="Random subsets over which KID is averaged. Usual: 100."
    )
    kid_subset_size: int = setting(
        1000,
        low=2,
        high=5000,
        label="Images per subset for KID",
        help="Usual: 1,000. With fewer images, half of what there is, so that subsets differ.",
    )
    most_neighbour_images: int = setting(
        10_000,
        low=10,
        high=100_000,
        label="Most images for precision and recall",
        help="Of each set; more are drawn from at random. The time grows with the square of it.",
    )
    floor_splits: int = setting(
        5,
        low=1,
        high=100,
        main=True,
        label="Splits for the real-real floor",
        help="How often the real images are cut in two halves by patient and measured against each other.",
    )
    suspicion: float = setting(
        0.01,
        low=0,
        high=0.5,
        low_included=False,
        main=True,
        label="Suspicion level",
        help="A synthetic image is flagged when at most this share of real images that were not trained on lie as near "
        "to a training image. 0.01: one in a hundred would be flagged by chance.",
    )
    seed: int = setting(
        0, low=0, high=MAX_SEED, main=True, help="Of every random choice: the same seed gives the same numbers."
    )
