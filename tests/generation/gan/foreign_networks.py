"""Small generators as their owners would export them, good ones and bad ones."""

from pathlib import Path

import torch
from torch import nn


class Small(nn.Module):
    """(B, 16) -> (B, 1, 28, 28) in [-1, 1], or with classes as index."""

    def __init__(self, *, classes: int = 0, gain: float = 5.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.classes, self.gain = classes, gain
        self.first = nn.Linear(16 + classes, 8 * 7 * 7)
        self.up = nn.ConvTranspose2d(8, 1, kernel_size=4, stride=4)

    def forward(self, latents, classes=None):
        if classes is not None:
            latents = torch.cat([latents, torch.nn.functional.one_hot(classes, 2).float()], dim=1)
        maps = torch.relu(3 * self.first(latents)).view(-1, 8, 7, 7)
        return torch.tanh(self.gain * self.up(maps))


class Noisy(Small):
    """Draws random numbers of its own."""

    def forward(self, latents, classes=None):
        return (super().forward(latents) + torch.randn(latents.shape[0], 1, 28, 28)).clamp(-1, 1)


class NotANumber(Small):
    def forward(self, latents, classes=None):
        return super().forward(latents) * float("nan")


class Greedy(nn.Module):
    """Asks for 200 GB. Scripted, not traced: tracing runs it."""

    classes = 0

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return latents.view(-1, 1, 4, 4) + torch.ones(50_000_000_000).sum()


class Wide(Small):
    def forward(self, latents, classes=None):
        return super().forward(latents)[..., :20]


def torchscript(folder: Path, network: nn.Module, name: str = "generator.pt") -> Path:
    if isinstance(network, Greedy):
        torch.jit.save(torch.jit.script(network), folder / name)
        return folder / name
    example = (torch.zeros(2, 16), torch.zeros(2, dtype=torch.int64)) if network.classes else (torch.zeros(2, 16),)
    torch.jit.save(torch.jit.trace(network, example, check_trace=False), folder / name)
    return folder / name


def onnx_file(folder: Path, name: str = "generator.onnx") -> Path:
    """An ONNX generator made with the onnx package alone: latents (B, 16) -> images (B, 1, 8, 8) in [-1, 1]."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    weights = np.random.default_rng(0).normal(size=(16, 64)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["z", "weights"], ["flat"]),
            helper.make_node("Tanh", ["flat"], ["squashed"]),
            helper.make_node("Reshape", ["squashed", "shape"], ["images"]),
        ],
        "generator",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", 16])],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.array([-1, 1, 8, 8], dtype=np.int64), "shape"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, folder / name)
    return folder / name
