"""Networks that turn pictures into features. Every measure is only as good as its extractor, so name and hash go along.

Used, in this order, is what lies in the folder of weights:

* Inception v3 of the original FID (`weights-inception-2015-12-05-6726825d.pth` of torch-fidelity, or
  `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid): numbers may be compared with published ones;
* Inception v3 of torchvision (`inception_v3_google-0cc3c7bd.pth`): a relative that gives other numbers;
* DenseNet-121, ImageNet (`densenet121-a639ec97.pth` of torchvision) or CheXNet (`chexnet*.pth`, `.pth.tar`, or any
  other name that begins with densenet121): trained on radiographs, the latter sees what readers look at;
* else a DenseNet-121 with random weights, the same ones at each use. It tells very unlike pictures apart, and says
  nothing about realism as a trained eye has it; its name says so.

Files are read without running code from them. A file name with eight digits of a SHA-256 is checked against them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import densenet121, inception_v3

from worker.compute.weights import WeightsError, checked_digest, fill_network, first_line, read_state, weights_digest

PATTERNS = (
    "weights-inception-2015-12-05-*.pth",
    "pt_inception-2015-12-05-*.pth",
    "inception_v3_google-*.pth",
    "chexnet*.pth*",
    "densenet121*.pth*",
)
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Extractor:
    """Call it with pictures (B, side, side) uint8, of any side: features (B, n_features) float32."""

    name: str  # short, in file names
    title: str  # in words
    weights_sha256: str  # of the file, or of random weights themselves
    n_features: int
    input_side: int  # pixels that pictures are brought to
    is_random: bool
    device: str
    _network: Callable[[Tensor], Tensor]

    @property
    def key(self) -> str:
        return f"{self.name}-{self.weights_sha256[:16]}"

    @torch.no_grad()
    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[1] != pixels.shape[2]:
            raise ValueError(f"pictures are {pixels.dtype} {pixels.shape}; they must be uint8 (B, side, side)")
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device).unsqueeze(1).expand(-1, 3, -1, -1)
        features: NDArray[np.float32] = self._network(batch).float().cpu().numpy()
        return features


def find_weights(folder: Path | None) -> Path | None:
    """The first file of weights in the order above; None when there is none."""
    if folder is None or not folder.is_dir():
        return None
    for pattern in PATTERNS:
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
    return None


def load_extractor(weights: Path | None = None, *, device: str = "cpu", sha256: str | None = None) -> Extractor:
    """The extractor of a file of weights (see `find_weights`), or the random one for None.

    With `sha256`, only when the file has that digest. Raises WeightsError for a file that is missing, damaged, of
    another network, or does not have the digest that it should have.
    """
    if weights is None:
        return random_extractor(device=device)
    digest = checked_digest(weights, sha256=sha256)
    state = read_state(weights)
    name, title, build = _kind(state, weights)
    network, side, n_features = build(state, weights)
    return Extractor(
        name=name,
        title=title,
        weights_sha256=digest,
        n_features=n_features,
        input_side=side,
        is_random=False,
        device=device,
        _network=network.to(device).to(memory_format=torch.channels_last).eval(),
    )


def random_extractor(*, device: str = "cpu", seed: int = 0) -> Extractor:
    """DenseNet-121 with the random weights of `seed`, at 224 px; PyTorch's random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _DenseNet(densenet121(weights=None))
    return Extractor(
        name="densenet121-random",
        title=f"DenseNet-121 with random weights (seed {seed}): no trained network was at hand",
        weights_sha256=weights_digest(network),
        n_features=1024,
        input_side=_DenseNet.SIDE,
        is_random=True,
        device=device,
        _network=network.to(device).to(memory_format=torch.channels_last).eval(),
    )


class _DenseNet(nn.Module):
    """uint8 (B, 3, H, W) -> (B, 1024): the averaged maps before the classifier, as CheXNet's head sees them."""

    SIDE = 224
    mean: Tensor
    sd: Tensor

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.features: nn.Module = whole.features  # type: ignore[assignment]
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("sd", torch.tensor(IMAGENET_SD).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        x = _resized(images, self.SIDE) / 255.0
        maps = self.features((x - self.mean) / self.sd)
        return functional.relu(maps).mean(dim=(2, 3))


class _TorchvisionInception(nn.Module):
    """uint8 (B, 3, H, W) -> (B, 2048): after the last average pooling, before dropout."""

    SIDE = 299

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        whole.fc = nn.Identity()
        whole.dropout = nn.Identity()
        self.whole = whole

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.whole(_resized(images, self.SIDE) / 127.5 - 1.0)
        return features


class _OriginalInception(nn.Module):
    """torch-fidelity's network, which resizes as TensorFlow 1 did: its FID is the published one."""

    SIDE = 299

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.whole(images.contiguous())[0]
        return features


Built = tuple[nn.Module, int, int]
Build = Callable[[dict[str, Tensor], Path], Built]


def _kind(state: dict[str, Tensor], path: Path) -> tuple[str, str, Build]:
    """What network the weights are of, from their names and shapes."""
    if "Conv2d_1a_3x3.conv.weight" in state:
        classes = state["fc.weight"].shape[0] if "fc.weight" in state else 0
        if classes == 1008:
            return "inception-v3-fid", "Inception v3 of the original FID (2015-12-05)", _original_inception
        return (
            "inception-v3-torchvision",
            "Inception v3 of torchvision (ImageNet); not the network of published FIDs",
            _torchvision_inception,
        )
    if "features.conv0.weight" in state:
        if state.get("classifier.weight", torch.empty(0)).shape[:1] == (1000,):
            return "densenet121-imagenet", "DenseNet-121 (ImageNet)", _densenet
        return "densenet121-chest", f"DenseNet-121 ({path.name})", _densenet
    raise WeightsError(f"{path.name} holds the weights of neither an Inception v3 nor a DenseNet-121")


def _densenet(state: dict[str, Tensor], path: Path) -> Built:
    network = _DenseNet(densenet121(weights=None))
    features = {name: values for name, values in state.items() if name.startswith("features.")}
    fill_network(network, features, path)
    return network, network.SIDE, 1024


def _torchvision_inception(state: dict[str, Tensor], path: Path) -> Built:
    whole = inception_v3(weights=None, aux_logits=False, transform_input=False, init_weights=False)
    used = {name: values for name, values in state.items() if not name.startswith("AuxLogits.")}
    fill_network(whole, used, path)
    return _TorchvisionInception(whole), _TorchvisionInception.SIDE, 2048


def _original_inception(state: dict[str, Tensor], path: Path) -> Built:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    try:  # it reads the file once more, unprotected: that is safe of a file that was read protected just now
        whole = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path))
    except (RuntimeError, OSError) as error:
        raise WeightsError(f"{path.name} does not fit Inception v3: {first_line(error)}") from error
    return _OriginalInception(whole), _OriginalInception.SIDE, 2048


def _resized(images: Tensor, side: int) -> Tensor:
    x = images[:, :1].float()  # grey: three equal channels
    if x.shape[-1] != side:
        x = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return x.expand(-1, 3, -1, -1)
