"""One step of small runs in double precision, alone or as one of several processes.

test_stylegan2_recipe calls `first_steps` itself and runs this file once per process.
"""

import sys
from pathlib import Path
from typing import Any

import torch

from generation.gan.distributed import share
from generation.gan.processes import join_group, leave_group
from generation.gan.stylegan2_recipe import StyleGan2Recipe
from tests.generation.gan.test_stylegan2 import small


def first_steps() -> dict[str, Any]:
    """Weights and state after one step with each loss."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # so that the order of a sum hardly matters
    try:
        return {loss: first_step(loss) for loss in ("non_saturating", "relativistic")}
    finally:
        torch.set_default_dtype(before)


def first_step(loss: str) -> dict[str, Any]:
    torch.manual_seed(3)
    config = small(
        minibatch_group=2,
        loss=loss,
        discriminator_regularise_every=1 if loss == "relativistic" else 16,
        augment_probability=0.5,
        augment_noise=True,
        augment_every=1,
    )
    recipe = StyleGan2Recipe(config, n_classes=2)
    real, classes = torch.randn(8, 1, 16, 16), torch.arange(8) % 3 % 2
    curves = recipe.step(share(real), share(classes), images_seen=0, random=torch.Generator().manual_seed(4))
    assert float(curves["skipped_steps"]) == 0
    return {
        "networks": {name: network.state_dict() for name, network in recipe.networks.items()},
        "state": recipe.state(),
    }


def main(rank: str, world: str, meeting: str, target: str) -> None:
    torch.set_num_threads(1)
    join_group("cpu", rank=int(rank), processes=int(world), meeting=Path(meeting))
    try:
        values = first_steps()
        if int(rank) == 0:
            torch.save(values, target)
    finally:
        leave_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
