import numpy as np
import pytest
import torch

from classification.cnn.backbones import BackboneWeights, create_backbone
from classification.cnn.explaining import explain_images, list_layers
from classification.cnn.grad_cam import LayerError
from classification.cnn.head_training import Head
from tests.classification.cnn.conftest import CLASSES, make_images


def head_of(n_features, *, loss="ce", seed=0):
    generator = np.random.default_rng(seed)
    outputs = 1 if loss == "bce" else 2
    return Head(
        weights=generator.normal(size=(n_features, outputs)).astype(np.float32),
        bias=generator.normal(size=outputs).astype(np.float32),
        loss=loss,
        positive=1,
    )


@pytest.fixture(scope="module")
def densenet():
    return create_backbone("densenet121", weights=BackboneWeights(), input_side=96)


def test_at_the_end_of_a_densenet_it_is_the_class_activation_map(densenet):
    """Mean of rectified maps, then a linear head: sum_k w_k A_k / cells (Zhou et al. CVPR 2016)."""
    head, pixels = head_of(1024), make_images(2, side=40).pixels

    found = explain_images(densenet, head, pixels, classes=CLASSES, class_name="disc")

    with torch.no_grad():
        images = densenet.preprocess(torch.from_numpy(pixels).unsqueeze(1))
        maps = torch.relu(densenet.module.features(images)).numpy()
        logits = densenet.features(torch.from_numpy(pixels).unsqueeze(1)).numpy() @ head.weights + head.bias
    for one, of_image, logit in zip(found, maps, logits[:, 1], strict=True):
        expected = np.maximum(np.tensordot(head.weights[:, 1], of_image, axes=1), 0) / 9
        assert one.cells == pytest.approx(expected, rel=1e-3, abs=1e-7)
        assert one.heat.shape == (96, 96)
        assert one.score == pytest.approx(logit, abs=1e-4)


def test_a_single_output_explains_both_classes(tiny):
    pixels, single = make_images(3).pixels, head_of(16, loss="bce")
    both = Head(
        weights=np.hstack([-single.weights, single.weights]),
        bias=np.hstack([-single.bias, single.bias]),
        loss="ce",
        positive=1,
    )

    for class_name in CLASSES:
        maps = [explain_images(tiny, head, pixels, classes=CLASSES, class_name=class_name) for head in (single, both)]
        for one, two in zip(*maps, strict=True):
            assert one.cells == pytest.approx(two.cells, abs=1e-6)


def test_batches_do_not_change_the_maps(tiny):
    pixels, head = make_images(5).pixels, head_of(16)

    together, apart = (
        explain_images(tiny, head, pixels, classes=CLASSES, class_name="normal", batch_size=size) for size in (5, 2)
    )

    assert len(apart) == 5
    for one, two in zip(together, apart, strict=True):
        assert one.cells == pytest.approx(two.cells, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [
        ("densenet121", 56, [("rectify", 1), ("features.denseblock3", 3), ("features.denseblock2", 7)]),
        ("resnet50", 56, [("layer4", 2), ("layer3", 4), ("layer2", 7)]),
    ],
)
def test_layers_and_the_size_of_their_maps(name, side, expected):
    backbone = create_backbone(name, weights=BackboneWeights(), input_side=side)

    found = list_layers(backbone)

    assert [(one.layer, one.width) for one in found[:3]] == expected
    assert [one.is_usable for one in found] == [one.width > 1 for one in found]


def test_a_densenet_at_56_pixels_says_what_would_do():
    backbone = create_backbone("densenet121", weights=BackboneWeights(), input_side=56)

    with pytest.raises(LayerError, match=r"rectify gives maps of 1 × 1 .* features\.denseblock3 \(3 × 3 cells\).* 224"):
        explain_images(backbone, head_of(1024), make_images(1).pixels, classes=CLASSES, class_name="disc")

    found = explain_images(
        backbone,
        head_of(1024),
        make_images(1).pixels,
        classes=CLASSES,
        class_name="disc",
        layer="features.denseblock3",
    )
    assert found[0].cells.shape == (3, 3)


def test_refuses_what_it_cannot_explain(tiny):
    with pytest.raises(ValueError, match="“bone” is not a class of this classifier: normal, disc"):
        explain_images(tiny, head_of(16), make_images(1).pixels, classes=CLASSES, class_name="bone")
    with pytest.raises(ValueError, match="must be uint8"):
        explain_images(tiny, head_of(16), np.zeros((1, 8, 8)), classes=CLASSES, class_name="disc")
