"""Settings of a classifier and of the sweep over K: frozen, validated records; importable without PyTorch.

The defaults are those of Kong et al., Sci Rep 12:18118 (2022), doi 10.1038/s41598-022-22222-z, where the paper gives
them: CheXNet's DenseNet-121 frozen, a new head, Adam with a learning rate of 0.0001, batches of 8, 100 epochs,
inverse-time decay of the rate by rate / epochs, mirroring and turns within 10 degrees. Field by field it is said what
the paper leaves open.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from worker.compute.settings import MAX_SEED, Settings, setting

METRICS = {
    "auc": "area under the ROC curve",
    "accuracy": "share of all images called rightly",
    "balanced_accuracy": "mean of sensitivity and specificity",
    "sensitivity": "share of the positive images called positive",
    "specificity": "share of the negative images called negative",
    "ppv": "share of those called positive that are",
    "npv": "share of those called negative that are",
    "f1": "harmonic mean of sensitivity and PPV",
}
# as curves, figures and tables call them
METRIC_NAMES = {
    name: name.upper() if name in ("auc", "ppv", "npv", "f1") else name.replace("_", " ") for name in METRICS
}


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(Settings):
    """Settings of one classifier. Raises ValueError, naming the field, for a value that cannot be used.

    Which file of weights the backbone begins with is chosen apart (`classification.cnn.backbones.BackboneWeights`).
    """

    # Where and in what portions it computes may change; what is learned is compared by the weights themselves.
    changeable: ClassVar[frozenset[str]] = frozenset()

    backbone: str = setting(
        "densenet121",
        choices={
            "densenet121": "DenseNet-121, the network of CheXNet",
            "resnet50": "ResNet-50",
            "resnet18": "ResNet-18, small: for a quick look",
        },
        main=True,
        help="The network that turns an image into features. Kong 2022: DenseNet-121; Jang 2023: ResNet-50.",
    )
    fine_tune: bool = setting(
        False,
        main=True,
        label="Train the whole network",
        help="Off: the backbone stays as it is and only the new head learns, as Kong 2022 did; hundreds of times "
        "faster. On: everything learns.",
    )
    input_side: int = setting(
        224,
        low=32,
        high=1024,
        main=True,
        label="Input size",
        help="Pixels a side that images are brought to. The usual is 224; smaller is faster and sees less.",
    )
    epochs: int = setting(
        100, low=1, high=100_000, main=True, help="How often every training image is seen. Kong 2022: 100."
    )
    batch_size: int = setting(8, low=1, high=4096, main=True, help="Images per step. Kong 2022: 8.")
    learning_rate: float = setting(
        1e-4,
        low=0,
        high=10,
        low_included=False,
        main=True,
        help="Of the optimiser, at the first step. Published: 0.0001.",
    )
    decay: str = setting(
        "inverse_time",
        choices={"inverse_time": "rate / (1 + steps x rate / epochs)", "none": "constant"},
        label="Decay of the learning rate",
        help="How the rate falls from step to step. Kong 2022: inverse-time decay by rate / epochs.",
    )
    optimiser: str = setting(
        "adam",
        choices={"adam": "Adam", "sgd": "gradient descent with momentum 0.9"},
        help="Kong 2022: Adam. Its other settings are not in the paper; they are the usual ones (0.9, 0.999, 1e-8).",
    )
    loss: str = setting(
        "bce",
        choices={"bce": "binary cross-entropy, one output", "ce": "cross-entropy, one output per class"},
        help="What the training makes small. More than two classes need cross-entropy.",
    )
    class_weights: str = setting(
        "none",
        choices={"none": "every image counts the same", "balanced": "every class counts the same"},
        main=True,
        label="Class weights",
        help="Balanced: an image of a scarce class weighs more, by images / (classes x images of its class).",
    )
    patience: int = setting(
        0,
        low=0,
        high=100_000,
        label="Early stopping after",
        help="Epochs without a lower loss on the tuning images; the best epoch is kept. 0: never, as published.",
    )
    batch_norm: str = setting(
        "frozen",
        choices={"frozen": "keeps its statistics", "trained": "learns new ones from each batch"},
        label="Batch normalisation",
        help="Only when the whole network is trained. New statistics need batches of 16 or more.",
    )
    mirror: bool = setting(
        True,
        label="Mirror images",
        help="Conventional augmentation: half of the images are mirrored. Kong 2022 did, on sinuses; in a chest it "
        "puts the heart on the wrong side.",
    )
    rotation_degrees: float = setting(
        10.0,
        low=0,
        high=180,
        label="Turn images by up to",
        help="Degrees to either side, in conventional augmentation. Kong 2022: 10.",
    )
    augmentation_slots: int = setting(
        10,
        low=1,
        high=10_000,
        label="Variants of each image",
        help="Conventional augmentation: so many variants are drawn of each image and used in turn, epoch by epoch. As "
        "many as epochs: no variant twice; fewer are faster.",
    )
    augmentation_seed: int = setting(
        0, low=0, high=MAX_SEED, label="Seed of the augmentation", help="The same seed gives the same variants."
    )
    seed: int = setting(
        0,
        low=0,
        high=MAX_SEED,
        main=True,
        help="Of the head's first weights, the order of the images and the choice of synthetic ones.",
    )
    extraction_batch: int = setting(
        32,
        low=1,
        high=4096,
        label="Images per pass of the backbone",
        help="When features are computed, and when scores are. More is faster on a GPU and needs more memory.",
    )
    precision: str = setting(
        "float32",
        choices={
            "float32": "exact, everywhere",
            "bfloat16": "faster on recent GPUs",
            "float16": "faster on older GPUs",
        },
        help="Numbers in which the backbone computes. The head is always trained in single precision.",
    )

    def check(self) -> None:
        if self.fine_tune and self.batch_norm == "trained" and self.batch_size < 2:
            raise ValueError(
                f"batch_size is {self.batch_size}; batch normalisation that learns needs at least 2 images per step"
            )


@dataclass(frozen=True, kw_only=True)
class SweepSettings(Settings):
    """How the best multiple K of synthetic images is looked for (Kong 2022, "optimal multiple").

    Raises ValueError, naming the field, for a value that cannot be used.
    """

    window: int = setting(
        12,
        low=1,
        high=1000,
        main=True,
        help="The search stops when so many values of K in a row were no better than the best. Kong 2022: 12.",
    )
    largest_k: int = setting(
        50,
        low=1,
        high=1000,
        main=True,
        label="Largest K",
        help="The search ends here at the latest. Kong 2022 came to 26.",
    )
    metric: str = setting(
        "auc",
        choices=METRICS,
        main=True,
        help="What is compared, on the tuning images; the test images have no say. Kong 2022: AUC.",
    )
    seeds: int = setting(
        5,
        low=1,
        high=100,
        main=True,
        label="Repetitions",
        help="Every K is trained so many times, with seeds that follow one another, and the mean decides: a K that was "
        "only lucky shows as one.",
    )
    threshold: float = setting(
        0.5,
        low=0,
        high=1,
        label="Threshold",
        help="Images with at least this score are called positive. Does not matter for the AUC.",
    )


@dataclass(frozen=True, kw_only=True)
class JangSettings(Settings):
    """Real images against real and synthetic ones, as Jang 2023. Raises ValueError, naming the field."""

    per_class: int = setting(
        800,
        low=2,
        high=10_000_000,
        main=True,
        label="Images per class",
        help="Real training images of each class, drawn by chance. Jang 2023: 800.",
    )
    replaced_percent: float = setting(
        50.0,
        low=0,
        high=100,
        low_included=False,
        main=True,
        label="Replaced by synthetic (%)",
        help="Of the images of the positive class. Jang 2023: half.",
    )
    selection: str = setting(
        "random",
        choices={"random": "chance", "score": "the highest score of a classifier"},
        main=True,
        label="Synthetic images are chosen by",
        help="By score: those that a classifier is surest to be of the positive class.",
    )
    larger_by: int = setting(
        0,
        low=0,
        high=10_000_000,
        label="Larger variant: synthetic images per class",
        help="One more experiment with all the real images and so many synthetic ones of each class. 0: none.",
    )
    seeds: int = setting(
        5, low=1, high=100, main=True, label="Repetitions", help="Each experiment with seeds that follow one another."
    )


@dataclass(frozen=True, kw_only=True)
class SingleSettings(Settings):
    """One choice of images, trained once or several times. Raises ValueError, naming the field."""

    augmented: bool = setting(
        False,
        main=True,
        label="Mirrored and turned copies",
        help="Conventional augmentation, as the settings of the classifier have it.",
    )
    seeds: int = setting(
        1, low=1, high=100, main=True, label="Repetitions", help="Trained so many times, with seeds that follow."
    )


@dataclass(frozen=True, kw_only=True)
class ClassifierPreset:
    """Ready-made settings that a person begins with."""

    name: str  # in addresses and options
    title: str  # a line in a list of choices
    make: Callable[[int], ClassifierConfig]  # make(seed)
    is_demonstration: bool = False  # results with it are marked as such
    published: str = ""  # where the settings come from, in a sentence; "" if nowhere


PRESETS: dict[str, ClassifierPreset] = {
    preset.name: preset
    for preset in (
        ClassifierPreset(
            name="kong",
            title="Kong 2022: DenseNet-121, only the head is trained, 100 epochs",
            make=lambda seed: ClassifierConfig(seed=seed),
            published="Kong et al. 2022, Sci Rep 12:18118.",
        ),
        ClassifierPreset(
            name="jang",
            title="Jang 2023: ResNet-50, the whole network is trained",
            make=lambda seed: ClassifierConfig(
                backbone="resnet50",
                fine_tune=True,
                loss="ce",
                epochs=30,
                batch_size=16,
                decay="none",
                batch_norm="trained",
                patience=5,
                seed=seed,
            ),
            published="Jang et al. 2023, Sci Rep 13:2356, used a ResNet-50; the settings of its training are ours.",
        ),
        ClassifierPreset(
            name="from-nothing",
            title="Pre-training: DenseNet-121, the whole network is trained, beginning with random weights",
            make=lambda seed: ClassifierConfig(
                fine_tune=True,
                epochs=30,
                batch_size=32,
                learning_rate=1e-3,
                decay="none",
                class_weights="balanced",
                batch_norm="trained",
                patience=5,
                seed=seed,
            ),
        ),
        ClassifierPreset(
            name="quick-look",
            title="Quick look: ResNet-18 at 64 pixels, only the head is trained; minutes on two CPU cores",
            make=lambda seed: ClassifierConfig(
                backbone="resnet18", input_side=64, epochs=30, learning_rate=1e-3, augmentation_slots=2, seed=seed
            ),
            is_demonstration=True,
        ),
    )
}
