"""Run by test_pggan under `torchrun`, or alone: three steps of one PGGAN run, its weights to a file."""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed

from generation.gan.distributed import share
from generation.gan.pggan import PgganRecipe
from generation.gan.pggan_config import PgganConfig
from generation.gan.processes import join_torchrun, leave_group

CONFIG = PgganConfig(
    image_size=16,
    feature_maps_base=64,
    feature_maps_max=8,
    latent_dim=6,
    stabilise_kimg=0.016,
    fade_in_kimg=0.064,
    total_kimg=1,
    batch_sizes=(16,) * 9,
)


def main(target: str) -> None:
    torch.set_num_threads(1)
    join_torchrun("cpu")
    torch.manual_seed(0)
    recipe = PgganRecipe(CONFIG, n_classes=1)
    for network in recipe.networks.values():
        network.double()
    random = torch.Generator().manual_seed(1)
    images = torch.randn(16, 1, 16, 16, generator=random, dtype=torch.float64)
    for seen in (0, 16, 32):  # 4 x 4; 8 x 8 at its very beginning and at a quarter
        side = recipe.stage(seen).image_size
        real = share(torch.nn.functional.avg_pool2d(images, 16 // side))
        recipe.step(real, torch.zeros(len(real), dtype=torch.int64), images_seen=seen, random=random)
    if not distributed.is_initialized() or distributed.get_rank() == 0:
        states = {name: network.state_dict() for name, network in recipe.networks.items()}
        torch.save({**states, "refusal": refusal()}, target)
    leave_group()
    threads = [task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm")]
    if left := [name for name in threads if "gloo" in name]:
        raise RuntimeError(f"Threads of the group that was left go on, and may abort this process at its end: {left}")


def refusal() -> str:
    """What is said to a batch that leaves a process one image; "" where it is accepted."""
    try:
        PgganRecipe(replace(CONFIG, batch_sizes=(3,) * 9), n_classes=1)
    except ValueError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main(sys.argv[1])
