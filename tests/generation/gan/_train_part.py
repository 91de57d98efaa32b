"""Run by test_training in a process of its own: resumes a run from a checkpoint and trains it to its end."""

import sys
from pathlib import Path

import torch

from generation.gan.checkpoint import load_checkpoint, save_checkpoint
from generation.gan.config import AcganConfig
from generation.gan.training import train
from tests.generation.gan.conftest import make_images


def main(source: str, target: str) -> None:
    torch.set_num_threads(1)
    data = load_checkpoint(Path(source))
    saved = []
    train(
        generator="acgan",
        config=AcganConfig.from_dict(data.config),
        images=make_images(),
        resume=data,
        save=lambda state: saved.append(save_checkpoint(Path(target), state)),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
