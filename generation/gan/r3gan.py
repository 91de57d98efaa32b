"""The relativistic loss of R3GAN with R1 and R2: Huang et al., NeurIPS 2024 (arXiv 2501.05441), section 2.

Real and generated images are compared in pairs: the discriminator is to score the real image of a pair higher, the
generator the generated one. Gradient penalties on both kinds of images make it converge.
"""

import torch
from torch import Tensor
from torch.nn import functional


def discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Mean of softplus(D(fake) - D(real)) over pairs of scores (B,): equation 2 with f(t) = -log(1 + exp(-t))."""
    return functional.softplus(fake_scores - real_scores).mean()


def generator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Mean of softplus(D(real) - D(fake)) over pairs of scores (B,)."""
    return functional.softplus(real_scores - fake_scores).mean()


def gradient_penalty(images: Tensor, scores: Tensor) -> Tensor:
    """Mean over images of the squared norm of d score / d image: R1 on real images, R2 on generated ones.

    Mescheder et al. 2018 (arXiv 1801.04406), section 4.1; the loss takes it times gamma / 2. `images` (B, C, H, W) must
    require a gradient and `scores` (B,) be computed from them.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
