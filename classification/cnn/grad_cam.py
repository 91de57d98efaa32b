"""Where in an image a classifier finds what speaks for a class: Grad-CAM and Grad-CAM++, and overlays of their maps.

A map is as fine as the maps of the layer it is taken from. At the end of a deep network these have few cells, and a
small image is left with a single one, which cannot say where: such a layer is refused, and others are offered.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import matplotlib as mpl
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Method = Literal["grad_cam", "grad_cam_plus_plus"]
METHODS: dict[Method, str] = {"grad_cam": "Grad-CAM", "grad_cam_plus_plus": "Grad-CAM++"}
SMALLEST_MAP = 2  # cells on a side
USUAL_SIDE = 224  # pixels, offered where images are too small
COLOURS = "inferno"  # rises evenly in lightness, so that it does not draw edges that are not there


class LayerError(ValueError):
    """The layer cannot say where. The text says why, and what to choose instead."""


@dataclass(frozen=True, kw_only=True)
class LayerMaps:
    """Maps that a layer gives of images of one size."""

    layer: str
    n_maps: int
    height: int  # cells
    width: int

    @property
    def is_usable(self) -> bool:
        return min(self.height, self.width) >= SMALLEST_MAP

    @property
    def words(self) -> str:
        return f"{self.layer} ({self.height} × {self.width} cells)"


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassMap:
    """What speaks for one class in one image."""

    heat: NDArray[np.float32]  # (H, W) of the network's input, in [0, 1]: 1 where most speaks for the class
    cells: NDArray[np.float32]  # (h, w) of the layer, >= 0, not scaled
    score: float  # the network's score (logit) of the class
    layer: str
    class_index: int
    method: str
    reason: str = ""  # why `heat` is 0 everywhere


def measure_layers(body: nn.Module, layers: Sequence[str], *, channels: int, side: int) -> tuple[LayerMaps, ...]:
    """Sizes of the maps that layers give of an image of `side` x `side` pixels, in the order of `layers`.

    Parameters
    ----------
    body : the network, in evaluation mode; `layers` : names of modules in it, which give (B, maps, h, w).

    Raises
    ------
    LayerError : a name that is not in the network, or a layer that gives no maps.
    """
    found = dict.fromkeys(layers, (0, 0, 0))

    def keeper(name: str):  # type: ignore[no-untyped-def] # a hook, whose type torch leaves open
        def keep(_module: nn.Module, _inputs: object, output: object) -> None:
            found[name] = _shape_of_maps(name, output)

        return keep

    _check_evaluating(body)
    handles = [_module_of(body, name).register_forward_hook(keeper(name)) for name in found]
    try:
        parameter = next(body.parameters())
        with torch.no_grad():
            body(torch.zeros(1, channels, side, side, device=parameter.device, dtype=parameter.dtype))
    finally:
        for handle in handles:
            handle.remove()
    return tuple(
        LayerMaps(layer=name, n_maps=maps, height=height, width=width) for name, (maps, height, width) in found.items()
    )


def explain_class(
    body: nn.Module,
    head: nn.Module,
    images: Tensor,
    *,
    layer: str,
    class_index: int,
    method: Method = "grad_cam",
    other_layers: Sequence[str] = (),
) -> list[ClassMap]:
    """Maps of what speaks for a class, one for each image.

    With S the score of the class before softmax or sigmoid, A_k the maps of the layer and g_k = dS / dA_k, cells i::

        Grad-CAM    w_k = mean_i g_ki
        Grad-CAM++  w_k = sum_i a_ki max(g_ki, 0),   a_ki = g_ki^2 / (2 g_ki^2 + sum_j A_kj g_ki^3)
        map         = max(sum_k w_k A_k, 0)

    (Grad-CAM++ as for exp(S), whose factor exp(S) is common to all cells and left out.) Everything is computed from
    copies of the layer's maps, so operations in place after it, as the last ReLU of torchvision's DenseNet, change
    nothing; weights may be frozen.

    Parameters
    ----------
    body, head : the classifier is head(body(images)), in evaluation mode; a whole network has ``nn.Identity()`` as
        head. Its result is (B, classes), or (B, 1): the score of class 1, whose negative is that of class 0.
    images : as the body takes them, (B, channels, H, W), on its device.
    layer : name of a module of `body`.
    class_index : of the class to be explained, whatever the classifier decided.
    other_layers : offered when the maps of `layer` are too small.

    Raises
    ------
    LayerError : a layer that is not there or whose maps have a single row or column (what else there is, is said).
    ValueError : an unknown method or class, or a network in training mode.

    References
    ----------
    Selvaraju RR et al. ICCV 2017:618-626, equations 1 and 2. Chattopadhay A et al. WACV 2018:839-847, equations 5, 10
    and 19.
    """
    if method not in METHODS:
        raise ValueError(f"“{method}” is not a method: {' or '.join(METHODS)}")
    _check_evaluating(body)
    _check_evaluating(head)
    with torch.enable_grad(), _maps_of(body, layer) as kept:
        scores = _class_scores(head(body(images)), class_index)
        if not kept:
            raise LayerError(f"The layer {layer} is in the network, but images do not pass through it")
        maps = kept[-1]
        if min(maps.shape[2:]) < SMALLEST_MAP:
            raise LayerError(_refusal(body, layer, maps, images, other_layers))
        gradient = torch.autograd.grad(scores.sum(), maps)[0]  # images do not mix: one sum gives each its own
    cells = _cells(maps.detach(), gradient, method)
    heat = functional.interpolate(cells[:, None], size=images.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    peaks = heat.amax(dim=(1, 2), keepdim=True)
    heat = torch.where(peaks > 0, heat / peaks.clamp(min=torch.finfo(heat.dtype).tiny), 0.0)
    return [
        ClassMap(
            heat=heat[place].cpu().numpy().astype(np.float32),
            cells=cells[place].cpu().numpy().astype(np.float32),
            score=float(scores[place].detach()),
            layer=layer,
            class_index=class_index,
            method=METHODS[method],
            reason="" if bool(peaks[place] > 0) else "nothing in this layer speaks for this class",
        )
        for place in range(len(images))
    ]


def overlay(image: NDArray[np.uint8], heat: NDArray[np.floating], *, opacity: float = 0.5) -> NDArray[np.uint8]:
    """A grey image with a map in colours over it.

    The colour covers the image in proportion to the map: not at all where it is 0, with `opacity` where it is 1.

    Parameters
    ----------
    image : grey levels, (H, W).
    heat : in [0, 1], (h, w); enlarged to the image where it is smaller or larger.
    opacity : from 0 (the image alone) to 1.

    Returns
    -------
    RGB levels, (H, W, 3).

    Raises
    ------
    ValueError : shapes or ranges that do not fit.
    """
    if image.ndim != 2 or image.dtype != np.uint8 or heat.ndim != 2:
        raise ValueError(f"The image is {image.dtype} {image.shape} and the map {heat.shape}: uint8 (H, W) and (h, w)")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity = {opacity} is out of range: it must lie from 0 to 1")
    _check_range(heat)
    values = np.asarray(heat, dtype=np.float64)
    if values.shape != image.shape:
        enlarged = functional.interpolate(
            torch.from_numpy(values)[None, None], size=image.shape, mode="bilinear", align_corners=False
        )
        values = enlarged[0, 0].numpy()
    colour = mpl.colormaps[COLOURS](values)[:, :, :3] * 255
    share = opacity * values[:, :, None]
    return np.rint((1 - share) * image[:, :, None] + share * colour).astype(np.uint8)


def colour_heat(heat: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A map as a picture to be laid over the image, by a browser for instance.

    Laid over with an opacity, it is what `overlay` draws, but for rounding: its own transparency is the map.

    Parameters
    ----------
    heat : in [0, 1], (H, W).

    Returns
    -------
    RGBA levels, (H, W, 4): transparent where the map is 0, opaque where it is 1.

    Raises
    ------
    ValueError : another shape or range.
    """
    if heat.ndim != 2:
        raise ValueError(f"The map has shape {heat.shape}; (H, W) is needed")
    _check_range(heat)
    values = np.asarray(heat, dtype=np.float64)
    coloured = mpl.colormaps[COLOURS](values)
    coloured[:, :, 3] = values
    return np.rint(coloured * 255).astype(np.uint8)


def larger_side(side: int) -> int:
    """The input size, in pixels, that is offered where one of `side` pixels is too small."""
    return USUAL_SIDE if side < USUAL_SIDE else 2 * side


def _check_range(heat: NDArray[np.floating]) -> None:
    if not (np.isfinite(heat).all() and heat.min() >= 0 and heat.max() <= 1):
        raise ValueError("The map must hold numbers from 0 to 1")


def _cells(maps: Tensor, gradient: Tensor, method: Method) -> Tensor:
    """(B, maps, h, w) twice -> (B, h, w)."""
    if method == "grad_cam":
        weights = gradient.mean(dim=(2, 3), keepdim=True)
    else:
        squared = gradient**2
        below = 2 * squared + maps.sum(dim=(2, 3), keepdim=True) * squared * gradient
        share = torch.where(below != 0, squared / torch.where(below != 0, below, 1.0), 0.0)
        weights = (share * gradient.relu()).sum(dim=(2, 3), keepdim=True)
    return (weights * maps).sum(dim=1).relu()


@contextmanager
def _maps_of(body: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """What a layer gives while this is open, as leaves of the graph of everything behind it."""
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: object) -> Tensor:
        _shape_of_maps(layer, output)
        assert isinstance(output, Tensor)  # noqa: S101 - for the type checker; `_shape_of_maps` raised otherwise
        kept.append(output.detach().clone().requires_grad_())
        return kept[-1].clone()  # an operation in place behind the layer changes this one

    handle = _module_of(body, layer).register_forward_hook(keep)
    try:
        yield kept
    finally:
        handle.remove()


def _class_scores(scores: Tensor, class_index: int) -> Tensor:
    if scores.ndim != 2:
        raise ValueError(f"The classifier gives {tuple(scores.shape)}; scores (images, classes) are needed")
    n_classes = max(scores.shape[1], 2)
    if not 0 <= class_index < n_classes:
        raise ValueError(f"class_index = {class_index}: the classifier has the classes 0 to {n_classes - 1}")
    if scores.shape[1] == 1:
        return scores[:, 0] if class_index == 1 else -scores[:, 0]
    return scores[:, class_index]


def _refusal(body: nn.Module, layer: str, maps: Tensor, images: Tensor, others: Sequence[str]) -> str:
    side, channels = min(images.shape[2:]), images.shape[1]
    text = (
        f"At {images.shape[2]} × {images.shape[3]} pixels the layer {layer} gives maps of {maps.shape[2]} × "
        f"{maps.shape[3]} cell(s), which cannot say where in the image."
    )
    earlier = [one for one in measure_layers(body, others, channels=channels, side=side) if one.is_usable]
    if earlier:
        text += f" Choose an earlier layer: {', '.join(one.words for one in earlier)}."
    larger = larger_side(side)
    (there,) = measure_layers(body, [layer], channels=channels, side=larger)
    if there.is_usable:
        text += f" Or train with images enlarged to {larger} pixels (there {there.words})."
    return text


def _module_of(body: nn.Module, layer: str) -> nn.Module:
    try:
        return body.get_submodule(layer)
    except AttributeError:
        named = [name for name, _ in body.named_children()]
        raise LayerError(f"The network has no layer “{layer}”; it begins with {', '.join(named)}") from None


def _shape_of_maps(layer: str, output: object) -> tuple[int, int, int]:
    if not isinstance(output, Tensor) or output.ndim != 4:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise LayerError(f"The layer {layer} gives {shape}, not maps (images, maps, rows, columns)")
    return output.shape[1], output.shape[2], output.shape[3]


def _check_evaluating(network: nn.Module) -> None:
    mixing = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
    if any(one.training for one in network.modules() if isinstance(one, mixing)):
        raise ValueError("The network is in training mode, where images mix and features drop out: call eval()")
