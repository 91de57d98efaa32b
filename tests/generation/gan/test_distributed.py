"""Alone, everything is left as it is; what several processes do is in test_train_alone, with real processes."""

import pytest
import torch
from torch import nn

from generation.gan import distributed
from generation.gan.distributed import BatchNorm2d, World


@pytest.fixture
def two(monkeypatch):
    """As the second of two processes."""
    monkeypatch.setattr(distributed, "world", lambda: World(size=2, rank=1))


def test_alone_a_share_is_the_whole():
    batch = torch.arange(6)

    assert distributed.world() == World(size=1, rank=0)
    assert distributed.share(batch) is batch
    assert distributed.average(batch) is batch
    assert distributed.agree(True)
    assert not distributed.agree(False)


def test_alone_gradients_stay():
    network = nn.Linear(2, 2)
    network(torch.ones(1, 2)).sum().backward()
    before = network.weight.grad.clone()

    distributed.average_gradients(network)

    assert torch.equal(network.weight.grad, before)


def test_alone_batch_norm_is_pytorch_s():
    ours, theirs, maps = BatchNorm2d(3), nn.BatchNorm2d(3), torch.randn(4, 3, 5, 5)

    assert torch.equal(ours(maps), theirs(maps))
    assert torch.equal(ours.running_var, theirs.running_var)


def test_what_one_process_does_alone_needs_no_other(monkeypatch):
    monkeypatch.setattr(distributed.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed.distributed, "get_rank", lambda: 1)
    assert distributed.world() == World(size=2, rank=1)

    with distributed.alone():
        assert distributed.world() == World()
        BatchNorm2d(3)(torch.randn(4, 3, 5, 5))

    assert distributed.world() == World(size=2, rank=1)


def test_shares_are_every_other_row(two):
    assert distributed.share(torch.arange(6)).tolist() == [1, 3, 5]


def test_a_batch_that_cannot_be_shared_is_refused(two):
    distributed.require_divisible([4, 16])
    with pytest.raises(ValueError, match="Batches of 5, 7 images cannot be shared evenly among 2 processes"):
        distributed.require_divisible([7, 4, 5])
