"""StyleGAN2-ADA in the common training loop: it stops and goes on bit for bit, and its checkpoints can be sampled."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from generation.gan.checkpoint import load_checkpoint, save_checkpoint
from generation.gan.sampling import load_generator, sample_block
from generation.gan.training import train
from tests.generation.gan._stylegan2_part import stripes
from tests.generation.gan.test_stylegan2 import small
from tests.generation.gan.test_stylegan2_recipe import leaves

ROOT = Path(__file__).resolve().parents[3]


def test_a_run_resumed_in_a_fresh_process_equals_one_in_one_go(tmp_path):
    torch.set_num_threads(1)
    config = small(total_kimg=0.072, checkpoint_kimg=0.04, augment_kimg=0.1, augment_target=-0.99)

    def save(data) -> None:
        save_checkpoint(tmp_path / f"{data.images_seen}.pt", data)

    pictures: dict[int, np.ndarray] = {}
    outcome = train(
        generator="stylegan2",
        config=config,
        images=stripes(),
        save=save,
        grid=lambda seen, grid: pictures.update({seen: grid}),
    )
    command = [sys.executable, "-m", "tests.generation.gan._stylegan2_part"]
    subprocess.run([*command, str(tmp_path / "40.pt"), str(tmp_path / "resumed.pt")], cwd=ROOT, check=True)

    assert (outcome.finished, outcome.images_seen, outcome.skipped_steps) == (True, 72, 0)
    whole, resumed, middle = (load_checkpoint(tmp_path / name) for name in ("72.pt", "resumed.pt", "40.pt"))
    assert set(whole.networks) == {"generator", "generator_raw", "discriminator"}
    for part in ("networks", "optimisers", "random_states", "recipe_state"):
        ours, theirs = leaves(getattr(resumed, part)), leaves(getattr(whole, part))
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            same = torch.equal(value, theirs[name]) if isinstance(value, torch.Tensor) else value == theirs[name]
            assert same, f"{part}{name} differs"
    assert whole.recipe_state["augmentation"]["probability"] > 0
    start, end = leaves(middle.networks), leaves(whole.networks)
    assert any(not torch.equal(value, end[name]) for name, value in start.items())
    assert [picture.shape for picture in pictures.values()] == [(2, 8, 16, 16)] * len(pictures)

    # the averaged generator is what is sampled, exactly
    generator = load_generator(tmp_path / "72.pt")
    assert generator.network.supports_truncation
    images = sample_block(generator, seed=config.seed, class_index=1, block=0, block_size=4)
    again = sample_block(generator, seed=config.seed, class_index=1, block=0, block_size=2)
    assert images.shape == (4, 16, 16)
    assert np.array_equal(images[:2], again)
    averaged = generator.network.state_dict()["synthesise.constant"]
    assert torch.equal(averaged, whole.networks["generator"]["synthesise.constant"].double())
    assert not torch.equal(averaged, whole.networks["generator_raw"]["synthesise.constant"].double())
