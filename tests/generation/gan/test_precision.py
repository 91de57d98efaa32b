"""Steps that are not finite are left out; float16's loss scale adapts, is saved, and changes no gradient."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from generation.gan.checkpoint import CheckpointData, load_checkpoint, save_checkpoint
from generation.gan.precision import KeptBuffers, Stepper, autocast
from generation.gan.training import train
from tests.generation.gan.test_training import assert_same_state, stop_after


def stepper(kind: str, precision: str = "float32") -> tuple[nn.Linear, Stepper]:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    optimisers = {
        "fused": lambda: torch.optim.Adam(network.parameters(), lr=0.1, fused=True),
        "plain": lambda: torch.optim.Adam(network.parameters(), lr=0.1, foreach=False, fused=False),
    }
    return network, Stepper(optimisers[kind](), network, precision=precision, device="cpu")


def take(network: nn.Linear, one: Stepper, scale: float = 1.0, **more) -> float:
    one.backward((network(torch.ones(4, 3)) * scale).square().mean())
    return float(one.step(**more))


@pytest.mark.parametrize("kind", ["fused", "plain"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "asked"])
def test_a_bad_step_changes_neither_weights_nor_adam(kind, bad):
    network, one = stepper(kind)
    assert take(network, one) == 0.0
    before = [value.clone() for value in network.parameters()]
    moments = {n: {k: v.clone() for k, v in s.items()} for n, s in one.optimiser.state_dict()["state"].items()}

    skipped = take(network, one, skip=torch.tensor(1.0)) if bad == "asked" else take(network, one, bad)

    assert skipped == 1.0
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(before, network.parameters(), strict=True))
    for number, state in one.optimiser.state_dict()["state"].items():
        assert all(torch.equal(value, moments[number][name]) for name, value in state.items())
    assert take(network, one) == 0.0
    assert not torch.equal(before[0], network.weight)  # and goes on


def test_a_loss_that_is_not_finite_is_enough():
    """The gradient of a constant is 0, and finite."""
    network, one = stepper("fused")

    one.backward(network.weight.sum() * 0 + torch.tensor(float("inf")))

    assert float(one.step()) == 1.0


def test_the_loss_scale_changes_no_gradient_and_comes_back():
    plain, scaled = stepper("fused"), stepper("fused", "float16")

    for network, one in (plain, scaled):
        take(network, one)

    assert torch.equal(plain[0].weight, scaled[0].weight)  # the scale is a power of two
    assert scaled[1].state()["scale"] == 65536.0
    assert take(scaled[0], scaled[1], float("inf")) == 1.0
    assert scaled[1].state()["scale"] == 32768.0
    again = stepper("fused", "float16")[1]
    again.load_state(scaled[1].state())
    assert again.state() == scaled[1].state()
    assert plain[1].state() == {}


def test_autocast_is_off_for_float32():
    values = torch.ones(2, 2)

    found = []
    for precision in ("float32", "bfloat16"):
        with autocast(precision, device="cpu"):
            found.append((values @ values).dtype)

    assert found == [torch.float32, torch.bfloat16]


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="precision is 'int8'; it must be float32, bfloat16, float16"):
        stepper("fused", "int8")


def test_statistics_go_back_only_when_the_step_was_left_out():
    network = nn.BatchNorm1d(3)
    buffers = KeptBuffers(network)
    network(torch.randn(8, 3))
    first = network.running_mean.clone()
    buffers.keep()
    network(torch.full((8, 3), float("nan")))

    buffers.restore_where(torch.tensor(1.0))
    assert torch.equal(network.running_mean, first)
    assert int(network.num_batches_tracked) == 1

    network(torch.randn(8, 3))
    buffers.restore_where(torch.tensor(0.0))
    assert int(network.num_batches_tracked) == 2
    assert not torch.equal(network.running_mean, first)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_run_in_less_precision_resumes_bit_for_bit(small_config, images, tmp_path, precision):
    config = replace(small_config, precision=precision, iterations=8)
    whole: list[CheckpointData] = []
    train(generator="acgan", config=config, images=images, save=whole.append)

    path = tmp_path / "stopped.pt"
    save = lambda data: save_checkpoint(path, data)  # noqa: E731
    train(generator="acgan", config=config, images=images, save=save, **stop_after(5))
    train(generator="acgan", config=config, images=images, save=save, resume=load_checkpoint(path))

    resumed = load_checkpoint(path)
    assert_same_state(resumed, whole[-1])
    assert resumed.recipe_state == whole[-1].recipe_state
    assert bool(resumed.recipe_state["generator"]) is (precision == "float16")
