"""A convolution whose gradient can itself be differentiated fast: what gradient penalties need (WGAN-GP, R1).

PyTorch differentiates the gradient of a convolution by convolving with kernels as large as the maps, and computes what
nobody asked for on the way. Written as the transposed convolution that it is, the gradient with respect to the maps is
an ordinary operation with ordinary derivatives; the penalty's first pass leaves out the gradients of the weights.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def convolve(maps: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: int = 0) -> Tensor:
    """`functional.conv2d` with stride 1: maps (B, C, H, W), weight (D, C, k, k), bias (D,) -> (B, D, H', W').

    Under autocast `weight` and `maps` are cast as `conv2d` casts them.
    """
    if torch.is_autocast_enabled(maps.device.type):
        kind = torch.get_autocast_dtype(maps.device.type)
        maps, weight = maps.to(kind), weight.to(kind)
        bias = None if bias is None else bias.to(kind)
    outputs: Tensor = _Convolution.apply(maps, weight, bias, padding)
    return outputs


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.padding = padding
        return functional.conv2d(maps, weight, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        maps, weight = ctx.saved_tensors
        (outputs,) = gradients
        of_maps = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_maps = functional.conv_transpose2d(outputs, weight, padding=ctx.padding)
        if ctx.needs_input_grad[1] and _is_used(ctx.next_functions[1][0]):
            padding, ones = [ctx.padding] * 2, [1, 1]
            of_weight = torch.ops.aten.convolution_backward(
                outputs, maps, weight, None, ones, padding, ones, False, [0, 0], 1, [False, True, False]
            )[1]
            of_bias = outputs.sum(dim=(0, 2, 3)) if ctx.needs_input_grad[2] else None
        return of_maps, of_weight, of_bias, None


def _is_used(node: Any) -> bool:
    """Whether this pass goes on to `node`: the first pass of a penalty asks for the gradient of the images alone."""
    if node is None or hasattr(node, "variable"):  # a leaf, of which PyTorch does not tell
        return True
    return bool(torch._C._will_engine_execute_node(node))
