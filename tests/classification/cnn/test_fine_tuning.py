"""The whole network learns: with the plain loop's numbers, resumed with the same bits, the given backbone untouched."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from classification.cnn.augmentation import Augmentation
from classification.cnn.checkpoint import load_safely, save_atomically
from classification.cnn.config import ClassifierConfig
from classification.cnn.feature_cache import Extractor
from classification.cnn.fine_tuning import FineTuningData, FineTuningError, fine_tune
from classification.cnn.head_training import draw_head, draw_order
from tests.classification.cnn.conftest import make_images
from worker.compute.weights import weights_digest

CONFIG = ClassifierConfig(fine_tune=True, epochs=4, batch_size=8, learning_rate=0.01, extraction_batch=8)


@pytest.fixture
def data() -> FineTuningData:
    sets = (make_images(20, seed=1), make_images(10, seed=2, synthetic=True))
    return FineTuningData(sets=sets, rows=np.arange(2, 28), positive=1, tune=make_images(12, seed=3))


def same(one, other) -> bool:
    return one.backbone.weights_sha256 == other.backbone.weights_sha256 and np.array_equal(
        one.head.weights, other.head.weights
    )


def test_it_learns_and_leaves_the_given_backbone_alone(tiny, data):
    before = weights_digest(tiny.module)
    found = fine_tune(tiny, data, config=replace(CONFIG, epochs=15), seed=0)
    test = make_images(40, seed=8)
    scores = found.head.scores(Extractor(found.backbone, batch_size=8)(test.pixels))

    assert weights_digest(tiny.module) == before == tiny.weights_sha256 != found.backbone.weights_sha256
    assert found.train_loss[-1] < found.train_loss[0]
    assert scores[test.labels == 1].mean() > scores[test.labels == 0].mean() + 0.2
    assert (found.epochs, len(found.tune_loss)) == (15, 15)


@pytest.mark.parametrize("batch_norm", ["frozen", "trained"])
def test_steps_are_those_of_a_plain_loop(tiny, data, batch_norm):
    config = replace(CONFIG, epochs=2, loss="ce", batch_norm=batch_norm)
    found = fine_tune(tiny, data, config=config, seed=5)

    import copy

    module, head = copy.deepcopy(tiny.module), nn.Linear(16, 2)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(draw_head(seed=5, n_features=16, outputs=2)).T)
        head.bias.zero_()
    module.train(batch_norm == "trained")
    optimiser = torch.optim.Adam([*module.parameters(), *head.parameters()], lr=0.01)
    pixels, step = np.concatenate([one.pixels for one in data.sets]), 0
    for epoch in range(2):
        order = data.rows[draw_order(seed=5, epoch=epoch, count=26)]
        for start in range(0, 26, 8):
            rows = order[start : start + 8]
            optimiser.param_groups[0]["lr"] = 0.01 / (1 + step * 0.01 / 2)
            images = torch.from_numpy(pixels[rows]).unsqueeze(1)
            loss = nn.functional.cross_entropy(
                head(module(tiny.preprocess(images))), torch.from_numpy(data.labels[rows])
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1

    assert np.allclose(found.head.weights, head.weight.detach().numpy().T, atol=1e-4)
    for name, values in module.state_dict().items():
        assert torch.allclose(found.backbone.module.state_dict()[name].float(), values.float(), atol=1e-3), name


@pytest.mark.parametrize("patience", [0, 2])
def test_a_stopped_run_goes_on_with_the_same_bits(tmp_path, tiny, data, patience):
    data = replace(data, augmentation=Augmentation(), slots=3)
    config = replace(CONFIG, batch_norm="trained", patience=patience, learning_rate=0.05)
    whole = fine_tune(tiny, data, config=config, seed=1)
    path, asked = tmp_path / "state.pt", []

    stopped = fine_tune(
        tiny, data, config=config, seed=1, save=lambda state: save_atomically(path, state),
        abort=lambda: asked.append(0) or len(asked) > 10,
    )  # fmt: skip
    again = fine_tune(tiny, data, config=config, seed=1, resume=load_safely(path))

    assert stopped is None
    assert load_safely(path)["epoch"] == 2
    assert same(whole, again)
    assert (whole.train_loss, whole.tune_loss) == (again.train_loss, again.tune_loss)


def test_variants_are_those_of_epoch_and_image(data):
    augmentation = Augmentation(seed=4)
    data = replace(data, augmentation=augmentation, slots=2)
    first, second = data.sets
    expected = [
        augmentation.apply(first.pixels[3], first.hashes[3], 1),
        augmentation.apply(second.pixels[0], second.hashes[0], 1),
    ]

    assert np.array_equal(data.read(np.array([3, 20]), epoch=5), expected)


def test_early_stopping_keeps_the_best_epoch(tiny, data):
    noise = replace(data.tune, labels=data.tune.labels[::-1].copy())
    found = fine_tune(
        tiny, replace(data, tune=noise), config=replace(CONFIG, epochs=30, patience=2, learning_rate=0.02), seed=0
    )
    extractor = Extractor(found.backbone, batch_size=8)
    from classification.cnn.head_training import tuning_loss

    assert found.stopped_early
    assert len(found.tune_loss) == found.epochs + 2
    assert tuning_loss(found.head, extractor(noise.pixels), noise.labels) == pytest.approx(
        min(found.tune_loss), rel=1e-6
    )


def test_bfloat16_learns_nearly_the_same(tiny, data):
    exact, rough = (
        fine_tune(tiny, data, config=replace(CONFIG, precision=one), seed=0) for one in ("float32", "bfloat16")
    )
    assert rough.train_loss == pytest.approx(exact.train_loss, rel=0.05)
    assert not same(exact, rough)


def test_another_runs_state_and_divergence_are_named(tiny, data):
    states = []
    fine_tune(tiny, data, config=CONFIG, seed=0, save=states.append)
    with pytest.raises(FineTuningError, match="belongs to another run"):
        fine_tune(tiny, data, config=CONFIG, seed=1, resume=states[-1])
    with torch.no_grad():
        tiny.module.second.bias.fill_(float("nan"))
    with pytest.raises(FineTuningError, match=r"of the last 51 steps was not a finite number\. Lower learning_rate"):
        fine_tune(tiny, replace(data, tune=None), config=replace(CONFIG, epochs=30), seed=0)
