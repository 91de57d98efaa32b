"""How many synthetic images to add to real ones, per class: class balancing and multiples of it (Kong 2022)."""

from collections.abc import Mapping


def balancing_counts(real: Mapping[str, int], *, multiple: int = 0) -> dict[str, int]:
    """Synthetic images of each class that make all classes equal in size, class name -> number.

    `real` is the number of real images by class. With `multiple` 0 every class is filled up to the largest: the
    GAN-based class balancing ("GCB") of Kong et al. 2022, Sci Rep 12:18118; the largest class gets none. With
    `multiple` K >= 1, K times the size of a balanced class is added to each class on top of that ("GCB + GAN-based data
    augmentation", whose best K the paper looks for). The paper does not say whether K counts the balanced set itself;
    here it counts what is added to it, so that a class has (K + 1) times the largest class's images in the end.

    Raises ValueError without classes, for a class with a negative number or without images in any, or a negative K.
    """
    if multiple < 0:
        raise ValueError(f"multiple is {multiple}; it must be 0 (balancing alone) or more")
    negative = [name for name, count in real.items() if count < 0]
    if negative:
        raise ValueError(f"Class {negative[0]} has {real[negative[0]]} images; a number of images is 0 or more")
    largest = max(real.values(), default=0)
    if largest == 0:
        raise ValueError("There is no real image to balance; choose a dataset with images")
    return {name: largest - count + multiple * largest for name, count in real.items()}
