"""Head training: the bits of the naive way, of one seed alone, and the numbers of PyTorch's own layer and optimiser."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from classification.cnn.augmentation import Augmentation
from classification.cnn.config import ClassifierConfig
from classification.cnn.feature_cache import Extractor, FeatureCache, Wanted
from classification.cnn.head_training import (
    Head,
    HeadTask,
    class_weights,
    draw_head,
    draw_order,
    rows_of,
    through_backbone,
    train_heads,
    tuning_loss,
)
from tests.classification.cnn.conftest import make_images

CONFIG = ClassifierConfig(epochs=5, learning_rate=0.01)


def make_task(
    n: int = 45, d: int = 32, *, seeds: int = 1, slots: int = 1, n_classes: int = 2, seed: int = 0
) -> HeadTask:
    random = np.random.default_rng(seed)
    labels = np.arange(n * slots, dtype=np.int64) % n_classes
    features = random.standard_normal((n * slots, d)).astype(np.float32)
    features[:, 0] += labels
    rows = np.broadcast_to(np.arange(n * slots, dtype=np.int64).reshape(slots, n), (seeds, slots, n))
    return HeadTask(
        source=rows_of(features), n_features=d, labels=labels, rows=rows, n_classes=n_classes, positive=1,
        tune=(features[: n // 2], labels[: n // 2]),
    )  # fmt: skip


def same_heads(one, other) -> bool:
    return all(
        torch.equal(torch.from_numpy(a.head.weights), torch.from_numpy(b.head.weights))
        and torch.equal(torch.from_numpy(a.head.bias), torch.from_numpy(b.head.bias))
        for a, b in zip(one, other, strict=True)
    )


class TestSameBits:
    @pytest.mark.parametrize("augmented", [False, True])
    def test_kept_features_give_the_head_that_the_backbone_at_every_step_gives(self, tmp_path, tiny, augmented):
        extractor = Extractor(tiny, batch_size=16)
        train, synthetic = make_images(21, seed=1), make_images(10, seed=2, synthetic=True)
        augmentation, slots = Augmentation(), (0, 1)
        wanted = [
            Wanted(images=train, augmentation=augmentation, slots=slots) if augmented else Wanted(images=train),
            Wanted(images=synthetic),
        ]
        cache = FeatureCache(tmp_path, extractor=extractor, writer="one")
        features = cache.features(wanted, out=tmp_path / "all.npy")
        if augmented:
            variants = [
                replace(
                    train,
                    pixels=np.stack(
                        [
                            augmentation.apply(one, digest, slot)
                            for one, digest in zip(train.pixels, train.hashes, strict=True)
                        ]
                    ),
                )
                for slot in slots
            ]
            sets = [*variants, synthetic]
            rows = np.stack([np.r_[0:21, 42:52], np.r_[21:42, 42:52]])
        else:
            sets, rows = [train, synthetic], np.arange(31)[None]
        labels = np.concatenate([one.labels for one in sets])
        task = HeadTask(
            source=rows_of(features), n_features=16, labels=labels, rows=np.stack([rows, rows]), n_classes=2, positive=1
        )

        kept = train_heads(task, config=CONFIG, seeds=[3, 4])
        naive = train_heads(
            replace(task, source=through_backbone(sets, extractor=extractor)), config=CONFIG, seeds=[3, 4]
        )

        assert same_heads(kept, naive)
        assert not same_heads(kept[:1], kept[1:])

    @settings(max_examples=25, deadline=None)
    @given(
        seeds=st.lists(st.integers(0, 1000), min_size=2, max_size=6, unique=True),
        n=st.integers(2, 40),
        d=st.sampled_from([3, 16, 130, 1024]),
        loss=st.sampled_from(["bce", "ce"]),
        optimiser=st.sampled_from(["adam", "sgd"]),
        batch_size=st.integers(1, 20),
        patience=st.integers(0, 2),
    )
    def test_a_seed_alone_gives_what_it_gives_among_others(self, seeds, n, d, loss, optimiser, batch_size, patience):
        config = ClassifierConfig(
            epochs=4, learning_rate=0.05, loss=loss, optimiser=optimiser, batch_size=batch_size, patience=patience
        )
        together = train_heads(make_task(n, d, seeds=len(seeds)), config=config, seeds=seeds)
        alone = [train_heads(make_task(n, d), config=config, seeds=[seed])[0] for seed in seeds]

        assert same_heads(together, alone)
        assert [one.train_loss for one in together] == [one.train_loss for one in alone]
        assert [one.epochs for one in together] == [one.epochs for one in alone]

    def test_a_mapped_file_gives_what_memory_gives(self, tmp_path):
        task = make_task()
        features = np.empty((45, 32), np.float32)
        task.source(np.arange(45)[None], features[None])
        np.save(tmp_path / "features.npy", features)
        mapped = replace(task, source=rows_of(np.load(tmp_path / "features.npy", mmap_mode="r")))

        assert same_heads(train_heads(task, config=CONFIG, seeds=[0]), train_heads(mapped, config=CONFIG, seeds=[0]))


class TestAgainstPyTorch:
    @pytest.mark.parametrize("loss", ["bce", "ce"])
    @pytest.mark.parametrize("optimiser", ["adam", "sgd"])
    @pytest.mark.parametrize("weighting", ["none", "balanced"])
    def test_steps_are_those_of_its_layer_loss_and_optimiser(self, loss, optimiser, weighting):
        config = ClassifierConfig(
            epochs=6, learning_rate=0.01, loss=loss, optimiser=optimiser, class_weights=weighting, batch_size=8
        )
        task = make_task(45, 32, n_classes=2)
        labels = (np.arange(45) % 3 == 0).astype(np.int64)
        task = replace(task, labels=labels, tune=None)
        (ours,) = train_heads(task, config=config, seeds=[7])
        theirs, losses = _with_pytorch(task, config, seed=7)

        assert np.allclose(ours.head.weights.T, theirs.weight.detach().numpy(), rtol=1e-5, atol=1e-6)
        assert np.allclose(ours.head.bias, theirs.bias.detach().numpy(), rtol=1e-5, atol=1e-6)
        assert ours.train_loss == pytest.approx(losses, rel=1e-5)

    def test_scores_are_the_probability_of_the_positive_class(self):
        random = np.random.default_rng(0)
        features, weights = (
            random.standard_normal((9, 4)).astype(np.float32),
            random.standard_normal((4, 3)).astype(np.float32),
        )
        head = Head(weights=weights, bias=np.array([0.1, -0.2, 0.3], np.float32), loss="ce", positive=2)
        logits = torch.from_numpy(features).double() @ torch.from_numpy(weights).double() + torch.from_numpy(head.bias)
        assert np.allclose(head.scores(features), logits.softmax(dim=1)[:, 2].numpy(), rtol=1e-12)
        one = Head(weights=weights[:, :1] * 100, bias=head.bias[:1], loss="bce", positive=0)
        logit = torch.from_numpy(features).double() @ torch.from_numpy(one.weights).double() + one.bias.item()
        assert np.allclose(one.scores(features), torch.sigmoid(logit)[:, 0].numpy(), rtol=1e-12, atol=1e-300)


class TestEarlyStopping:
    def test_keeps_the_best_epoch_and_stops_after_patience(self):
        random = np.random.default_rng(1)
        task = make_task()
        noise = (random.standard_normal((30, 32)).astype(np.float32), random.integers(0, 2, 30))
        task = replace(task, tune=noise)
        config = ClassifierConfig(epochs=60, learning_rate=0.05, patience=4)
        (found,) = train_heads(task, config=config, seeds=[0])

        assert found.stopped_early
        assert found.epochs == int(np.argmin(found.tune_loss)) + 1
        assert len(found.tune_loss) == found.epochs + 4
        assert tuning_loss(found.head, *noise) == min(found.tune_loss)

    def test_without_patience_the_last_epoch_counts(self):
        (found,) = train_heads(make_task(), config=replace(CONFIG, patience=0), seeds=[0])
        assert (found.epochs, found.stopped_early, len(found.tune_loss)) == (5, False, 5)


class TestSlots:
    def test_epoch_after_epoch_uses_the_next_variant(self):
        asked = []
        task = make_task(8, slots=3)
        source = task.source

        def watching(rows, out):
            asked.append(sorted(rows[0].tolist()))
            source(rows, out)

        train_heads(replace(task, source=watching), config=replace(CONFIG, epochs=4), seeds=[0])

        assert asked == [list(range(start, start + 8)) for start in (0, 8, 16, 0)]


def test_first_weights_and_order_depend_on_their_numbers_alone():
    assert np.array_equal(draw_head(seed=3, n_features=50, outputs=2), draw_head(seed=3, n_features=50, outputs=2))
    assert np.abs(draw_head(seed=3, n_features=50, outputs=2)).max() <= np.sqrt(6 / 52)
    orders = {tuple(draw_order(seed=seed, epoch=epoch, count=30)) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4
    assert all(sorted(order) == list(range(30)) for order in orders)


def test_balanced_weights_make_classes_count_the_same():
    labels = np.array([0] * 30 + [1] * 10)
    weights = class_weights(labels, n_classes=2, how="balanced")
    assert weights[labels].sum() == pytest.approx(40)
    assert 30 * weights[0] == pytest.approx(10 * weights[1])
    with pytest.raises(ValueError, match="class number 2 has no image"):
        class_weights(np.zeros(5, dtype=np.int64), n_classes=2, how="balanced")


def test_it_can_be_cancelled_and_says_how_far_it_is():
    steps = []
    assert train_heads(make_task(), config=CONFIG, seeds=[0], progress=lambda *step: steps.append(step)) is not None
    assert steps == [(epoch, 5) for epoch in range(1, 6)]
    assert train_heads(make_task(), config=CONFIG, seeds=[0], abort=lambda: True) is None


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"there are 3\. Choose 'ce'"):
        train_heads(make_task(n_classes=3), config=CONFIG, seeds=[0])
    with pytest.raises(ValueError, match="rows are of 1 seeds, but there are 2"):
        train_heads(make_task(), config=CONFIG, seeds=[0, 1])
    with pytest.raises(ValueError, match="rows go from 0 to 99"):
        replace(make_task(), rows=np.array([[[0, 99]]]))


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_a_head_that_diverges_says_so():
    task = replace(make_task(), source=rows_of(np.full((45, 32), 3e38, np.float32)), tune=None)
    with pytest.raises(FloatingPointError, match=r"diverged in epoch 1: .* Lower learning_rate"):
        train_heads(task, config=CONFIG, seeds=[0])


def _with_pytorch(task: HeadTask, config: ClassifierConfig, *, seed: int):
    """The plain way: nn.Linear, autograd, torch.optim, in double precision."""
    outputs = 1 if config.loss == "bce" else 2
    layer = nn.Linear(task.n_features, outputs).double()
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(draw_head(seed=seed, n_features=task.n_features, outputs=outputs)).T)
        layer.bias.zero_()
    if config.optimiser == "adam":
        optimiser = torch.optim.Adam(layer.parameters(), lr=config.learning_rate)
    else:
        optimiser = torch.optim.SGD(layer.parameters(), lr=config.learning_rate, momentum=0.9)
    weights = torch.from_numpy(class_weights(task.labels, n_classes=2, how=config.class_weights)).double()
    count, step, losses = task.rows.shape[2], 0, []
    for epoch in range(config.epochs):
        order, summed = draw_order(seed=seed, epoch=epoch, count=count), 0.0
        for start in range(0, count, config.batch_size):
            rows = task.rows[0, 0][order[start : start + config.batch_size]]
            features = np.empty((1, len(rows), task.n_features), np.float32)
            task.source(rows[None], features)
            labels = torch.from_numpy(task.labels[rows])
            logits = layer(torch.from_numpy(features[0]).double())
            if config.loss == "bce":
                each = nn.functional.binary_cross_entropy_with_logits(logits[:, 0], labels.double(), reduction="none")
            else:
                each = nn.functional.cross_entropy(logits, labels, reduction="none")
            loss = (each * weights[labels]).mean()
            optimiser.param_groups[0]["lr"] = config.learning_rate / (1 + step * config.learning_rate / config.epochs)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step, summed = step + 1, summed + float(loss.detach()) * len(rows)
        losses.append(summed / count)
    return layer, losses
