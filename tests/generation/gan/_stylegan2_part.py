"""Run by test_stylegan2_training in a process of its own: resumes a run from a checkpoint and trains it to its end."""

import sys
from pathlib import Path

import numpy as np
import torch

from generation.gan.checkpoint import load_checkpoint, save_checkpoint
from generation.gan.data import TrainingImages
from generation.gan.stylegan2_config import StyleGan2Config
from generation.gan.training import train


def stripes(count: int = 14) -> TrainingImages:
    """16 x 16: stripes across (class "across") or down ("down"), each of another phase."""
    places = np.arange(16)
    pixels = [np.broadcast_to(np.where((places + number) % 8 < 4, 200, 40), (16, 16)) for number in range(count)]
    turned = [image if number % 2 == 0 else image.T for number, image in enumerate(pixels)]
    return TrainingImages(
        pixels=np.stack(turned).astype(np.uint8), labels=np.arange(count) % 2, classes=("down", "across")
    )


def main(source: str, target: str) -> None:
    torch.set_num_threads(1)
    data = load_checkpoint(Path(source))
    train(
        generator="stylegan2",
        config=StyleGan2Config.from_dict(data.config),
        images=stripes(),
        resume=data,
        save=lambda state: save_checkpoint(Path(target), state),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
