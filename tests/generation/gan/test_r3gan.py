"""The relativistic loss and gradient penalties against closed forms."""

import math

import pytest
import torch

from generation.gan.r3gan import discriminator_loss, generator_loss, gradient_penalty


def test_only_differences_of_pairs_count():
    real, fake = torch.randn(6, dtype=torch.float64), torch.randn(6, dtype=torch.float64)

    torch.testing.assert_close(discriminator_loss(real + 5, fake + 5), discriminator_loss(real, fake))
    torch.testing.assert_close(generator_loss(real, fake), discriminator_loss(fake, real))
    assert float(discriminator_loss(real, real)) == pytest.approx(math.log(2))
    written_out = [math.log(1 + math.exp(float(b - a))) for a, b in zip(real, fake, strict=True)]
    assert float(discriminator_loss(real, fake)) == pytest.approx(sum(written_out) / 6)


def test_pairs_are_not_mixed():
    real, fake = torch.tensor([10.0, -10.0]), torch.tensor([0.0, -20.0])

    assert float(discriminator_loss(real, fake)) < 1e-4  # of each pair the real one is 10 above
    assert float(discriminator_loss(real, fake.flip(0))) > 4.9  # one pair is 10 below


def test_penalty_of_a_linear_score_is_the_squared_norm():
    images = torch.randn(3, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 4, 4, dtype=torch.float64, requires_grad=True)

    penalty = gradient_penalty(images, (images * weights).sum(dim=(1, 2, 3)))
    penalty.backward()

    assert float(penalty) == pytest.approx(float(weights.detach().square().sum()))
    torch.testing.assert_close(weights.grad, 2 * weights.detach())  # it can be trained away


def test_penalty_of_a_quadratic_score():
    images = torch.randn(5, 1, 3, 3, dtype=torch.float64, requires_grad=True)

    penalty = gradient_penalty(images, images.square().sum(dim=(1, 2, 3)) / 2)

    assert float(penalty) == pytest.approx(float(images.detach().square().sum()) / 5)
