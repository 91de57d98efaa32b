"""The convolution with the fast second derivative is PyTorch's, to all orders that a gradient penalty needs."""

import pytest
import torch
from torch.nn import functional

from generation.gan.convolution import convolve


def make(kernel: int, *, dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(kernel)
    maps = torch.randn(2, 3, 5, 5, generator=random, dtype=dtype)
    weight = torch.randn(4, 3, kernel, kernel, generator=random, dtype=dtype)
    bias = torch.randn(4, generator=random, dtype=dtype)
    return maps.requires_grad_(), weight.requires_grad_(), bias.requires_grad_()


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (3, 1), (3, 0)])
def test_first_and_second_derivatives_are_those_of_finite_differences(kernel, padding):
    values = make(kernel)

    def both(maps, weight, bias):
        return convolve(maps, weight, bias, padding=padding)

    assert torch.autograd.gradcheck(both, values)
    assert torch.autograd.gradgradcheck(both, values)


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (3, 1)])
def test_a_penalty_on_the_gradient_has_the_gradients_of_pytorchs_convolution(kernel, padding):
    results = []
    for operation in (convolve, functional.conv2d):
        maps, weight, bias = make(kernel)
        outputs = operation(maps, weight * 1.0, bias, padding=padding).tanh()
        (gradient,) = torch.autograd.grad(outputs.sum(), maps, create_graph=True)
        (gradient.square().sum() + outputs.sum()).backward()
        results.append((outputs.detach(), maps.grad, weight.grad, bias.grad))

    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_the_gradient_of_the_maps_alone_does_not_compute_that_of_the_weights():
    maps, weight, bias = make(3)
    outputs = convolve(maps, weight * 1.0, bias, padding=1)

    with torch.profiler.profile() as profile:
        torch.autograd.grad(outputs.sum(), maps, create_graph=True)

    assert "aten::convolution_backward" not in {event.key for event in profile.key_averages()}


def test_autocast_casts_as_for_conv2d():
    maps, weight, bias = make(3, dtype=torch.float32)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = convolve(maps, weight, bias, padding=1)
        theirs = functional.conv2d(maps, weight, bias, padding=1)

    assert ours.dtype == theirs.dtype == torch.bfloat16
    assert torch.equal(ours, theirs)


def test_a_frozen_weight_gets_no_gradient_and_the_maps_theirs():
    maps, weight, bias = make(3)
    weight.requires_grad_(False)
    bias.requires_grad_(False)

    convolve(maps, weight, bias, padding=1).sum().backward()

    assert weight.grad is None
    assert torch.allclose(maps.grad[0, :, 2, 2], weight.sum(dim=(0, 2, 3)))
