"""Networks that turn an image into a vector of features, by name; their weights, and what each wants as its input.

A new one is one function with `@register_backbone`. Weights come from files that an administrator puts into the folder
of weights (they are read without running code from them), from a classifier trained here, or from nowhere: random, the
same for the same seed. Kinds of files:

* torchvision: three equal channels, normalised as ImageNet's photographs;
* CheXNet (the checkpoint of arnoweng/CheXNet, with the names of old DenseNets): the same input;
* torchxrayvision: one channel from -1024 to 1024 (Cohen et al. 2022, arXiv 2111.00595). Its files hold whole Python
  objects, which are not loaded here; docs/classification.md says how to save the weights alone;
* trained here: as the classifier was trained.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from worker.compute.devices import choose_device
from worker.compute.settings import MAX_SEED
from worker.compute.weights import WeightsError, checked_digest, fill_network, read_state, weights_digest

KINDS = {
    "none": "random weights",
    "torchvision": "torchvision, trained on photographs (ImageNet)",
    "chexnet": "CheXNet, trained on chest radiographs",
    "torchxrayvision": "torchxrayvision, trained on chest radiographs",
    "trained_here": "a classifier trained here",
}
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RADIOGRAPH_RANGE = 1024.0  # torchxrayvision: grey level 0 is -1024, 255 is 1024
CHANNELS = {"imagenet": 3, "radiograph": 1}  # of the input, by normalisation
TRAINED_HERE = ".classifier.pt"


@dataclass(frozen=True, kw_only=True)
class BackboneWeights:
    """Where weights come from. Raises ValueError for an unknown kind, or a file that is missing or too many."""

    kind: str = "none"  # of KINDS
    path: Path | None = None
    sha256: str | None = None  # of the file, when it must be a certain one
    seed: int = 0  # of random weights

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind of weights is {self.kind!r}; it must be {', '.join(KINDS)}")
        if (self.path is None) is not (self.kind == "none"):
            raise ValueError(f"weights of kind {self.kind!r} {'have no' if self.kind == 'none' else 'need a'} file")
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed is {self.seed}; it must be from 0 to {MAX_SEED}")

    @property
    def title(self) -> str:
        """In words, for results."""
        if self.path is None:
            return f"random weights (seed {self.seed}): not trained on anything"
        return f"{KINDS[self.kind]}: {self.path.name}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Backbone:
    """A network without its head. Its module takes (B, channels, side, side) and gives (B, n_features)."""

    name: str
    title: str
    module: nn.Module
    n_features: int
    input_side: int  # pixels
    normalisation: str  # of CHANNELS
    weights: BackboneWeights
    weights_sha256: str  # over names and values of the module's weights, whatever file they came in
    layers: tuple[str, ...]  # names of submodules whose maps Grad-CAM can show, from the last to earlier ones
    device: str = "cpu"

    @property
    def channels(self) -> int:
        return CHANNELS[self.normalisation]

    @property
    def preprocessing_key(self) -> str:
        """64 hex digits: another one whenever `preprocess` would give another tensor."""
        words = f"v1 {self.normalisation} {self.input_side}px bilinear antialias"
        return hashlib.sha256(words.encode()).hexdigest()

    def preprocess(self, images: Tensor) -> Tensor:
        """Grey levels (B, 1, H, W) uint8 -> what the network takes, (B, channels, side, side) float32."""
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 1:
            raise ValueError(f"images are {images.dtype} {tuple(images.shape)}; they must be uint8 (B, 1, H, W)")
        x = images.float()
        side = self.input_side
        if x.shape[-2:] != (side, side):
            x = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
        if self.normalisation == "radiograph":
            return (x / 255.0 * 2.0 - 1.0) * RADIOGRAPH_RANGE
        mean = torch.tensor(IMAGENET_MEAN, device=x.device).view(3, 1, 1)
        sd = torch.tensor(IMAGENET_SD, device=x.device).view(3, 1, 1)
        return (x / 255.0 - mean) / sd

    def features(self, images: Tensor) -> Tensor:
        """Grey levels (B, 1, H, W) uint8, on any device -> (B, n_features), as the module's mode and autograd are."""
        x = self.preprocess(images.to(self.device))
        found: Tensor = self.module(x.contiguous(memory_format=torch.channels_last))
        return found


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What a registered function makes: a network with the weights it was initialised with."""

    module: nn.Module
    n_features: int
    layers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BackboneKind:
    name: str
    title: str
    make: Callable[[int], Architecture]  # make(input channels)


_KINDS: dict[str, BackboneKind] = {}


def register_backbone(
    name: str, *, title: str
) -> Callable[[Callable[[int], Architecture]], Callable[[int], Architecture]]:
    """Decorator of a function (channels) -> Architecture. ValueError when the name is taken."""

    def register(make: Callable[[int], Architecture]) -> Callable[[int], Architecture]:
        if name in _KINDS:
            raise ValueError(f"Backbone {name!r} is registered twice")
        _KINDS[name] = BackboneKind(name=name, title=title, make=make)
        return make

    return register


def unregister_backbone(name: str) -> None:
    """Forget a backbone: for plug-ins that are taken out."""
    get_backbone(name)
    del _KINDS[name]


def list_backbones() -> list[BackboneKind]:
    return [_KINDS[name] for name in sorted(_KINDS)]


def get_backbone(name: str) -> BackboneKind:
    """Raises ValueError, listing what there is, for an unknown name."""
    if name not in _KINDS:
        raise ValueError(f"Unknown backbone {name!r}; known: {', '.join(sorted(_KINDS))}")
    return _KINDS[name]


def create_backbone(name: str, *, weights: BackboneWeights, input_side: int = 224, device: str = "cpu") -> Backbone:
    """Backbone `name` with `weights`, in evaluation mode, on `device` ("auto", "cpu", "cuda").

    PyTorch's random state stays as it was. Raises ValueError for an unknown name or device, WeightsError (a
    ValueError) for a file that is missing, damaged, of another network or of another kind than it is said to be.
    """
    kind = get_backbone(name)
    device = choose_device(device)
    normalisation, state, path = "imagenet", None, weights.path
    if path is not None:
        normalisation, state = _read(name, weights, path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(weights.seed)
        made = kind.make(CHANNELS[normalisation])
    if state is not None and path is not None:
        fill_network(made.module, state, path)
    return wrap_module(
        name,
        made.module,
        n_features=made.n_features,
        layers=made.layers,
        normalisation=normalisation,
        weights=weights,
        input_side=input_side,
        device=device,
    )


def wrap_module(
    name: str,
    module: nn.Module,
    *,
    n_features: int,
    layers: tuple[str, ...],
    normalisation: str,
    weights: BackboneWeights,
    input_side: int,
    device: str,
) -> Backbone:
    """A `Backbone` of a network that is there already: its digest is taken, it is put on `device`, for evaluation."""
    if normalisation not in CHANNELS:
        raise ValueError(f"normalisation is {normalisation!r}; it must be {', '.join(CHANNELS)}")
    digest = weights_digest(module)
    return Backbone(
        name=name,
        title=get_backbone(name).title,
        module=module.to(device).to(memory_format=torch.channels_last).eval(),
        n_features=n_features,
        input_side=input_side,
        normalisation=normalisation,
        weights=weights,
        weights_sha256=digest,
        layers=layers,
        device=device,
    )


def list_weights(folder: Path | None, name: str) -> list[BackboneWeights]:
    """What backbone `name` can begin with: random weights, then the files of `folder` that are named for it.

    Names are those under which the files are published; `docs/classification.md` has them. Files are not opened.
    """
    get_backbone(name)
    found = [BackboneWeights()]
    if folder is None or not folder.is_dir():
        return found
    short = name.removesuffix("121") if name == "densenet121" else name
    patterns = {
        "torchvision": (f"{name}-*.pth",),
        "chexnet": ("chexnet*.pth", "chexnet*.pth.tar") if name == "densenet121" else (),
        "torchxrayvision": (f"xrv-{short}*.pt*",),
        "trained_here": (f"*{TRAINED_HERE}",),
    }
    for kind, names in patterns.items():
        files = sorted({path for pattern in names for path in folder.glob(pattern)})
        found += [BackboneWeights(kind=kind, path=path) for path in files]
    return found


def _read(name: str, weights: BackboneWeights, path: Path) -> tuple[str, dict[str, Tensor]]:
    """Normalisation and weights of a file, checked to be of the kind it is said to be."""
    if weights.kind == "trained_here":
        from classification.cnn.checkpoint import load_classifier  # which imports this module

        classifier = load_classifier(path, sha256=weights.sha256)
        if classifier.backbone != name:
            raise WeightsError(f"{path.name} was trained with the backbone {classifier.backbone}, not {name}")
        if classifier.backbone_state is None:
            raise WeightsError(
                f"{path.name} holds the head alone, because its backbone was not trained; choose the weights that it "
                f"began with instead ({classifier.weights_title})"
            )
        return classifier.normalisation, classifier.backbone_state
    checked_digest(path, sha256=weights.sha256)
    state = {key.removeprefix("model."): values for key, values in read_state(path).items()}
    first = state.get("features.conv0.weight", state.get("conv1.weight"))
    if first is None:
        raise WeightsError(f"{path.name} holds the weights of neither a DenseNet nor a ResNet")
    channels = int(first.shape[1]) if first.ndim == 4 else 0
    normalisation = "radiograph" if weights.kind == "torchxrayvision" else "imagenet"
    if channels != CHANNELS[normalisation]:
        raise WeightsError(
            f"{path.name} takes images of {channels} channel(s); weights of the kind {weights.kind!r} take "
            f"{CHANNELS[normalisation]}. Choose the kind that it is"
        )
    heads = ("classifier.", "fc.")
    return normalisation, {key: values for key, values in state.items() if not key.startswith(heads)}


class DenseNetBody(nn.Module):
    """A DenseNet without its classifier: (B, channels, S, S) -> (B, n_features), means of the last maps."""

    def __init__(self, whole: models.DenseNet, channels: int) -> None:
        super().__init__()
        self.features: nn.Module = whole.features
        self.rectify = nn.ReLU()  # not in place, unlike torchvision's, and a layer that hooks can name
        if channels != 3:
            self.features.conv0 = nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.rectify(self.features(x))
        return maps.mean(dim=(2, 3))


class ResNetBody(nn.Module):
    """A ResNet without its classifier: (B, channels, S, S) -> (B, n_features), means of the last maps."""

    def __init__(self, whole: models.ResNet, channels: int) -> None:
        super().__init__()
        for name, part in whole.named_children():
            if name not in ("avgpool", "fc"):
                self.add_module(name, part)
        if channels != 3:
            self.conv1 = nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.children():
            x = part(x)
        return x.mean(dim=(2, 3))


@register_backbone("densenet121", title="DenseNet-121")
def _densenet121(channels: int) -> Architecture:
    layers = ("rectify", "features.denseblock3", "features.denseblock2", "features.denseblock1")
    module = DenseNetBody(models.densenet121(weights=None), channels)
    return Architecture(module=module, n_features=1024, layers=layers)


@register_backbone("resnet50", title="ResNet-50")
def _resnet50(channels: int) -> Architecture:
    module = ResNetBody(models.resnet50(weights=None), channels)
    return Architecture(module=module, n_features=2048, layers=("layer4", "layer3", "layer2", "layer1"))


@register_backbone("resnet18", title="ResNet-18")
def _resnet18(channels: int) -> Architecture:
    module = ResNetBody(models.resnet18(weights=None), channels)
    return Architecture(module=module, n_features=512, layers=("layer4", "layer3", "layer2", "layer1"))
