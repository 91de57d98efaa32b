"""Maps against the equations written out by hand, on networks with and without operations in place."""

import functools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision import models

from classification.cnn.grad_cam import LayerError, colour_heat, explain_class, measure_layers, overlay


class Body(nn.Module):
    """Convolution, ReLU, mean of maps."""

    def __init__(self, *, in_place):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3, padding=1)
        self.in_place = in_place

    def forward(self, x):
        return functional.relu(self.conv(x), inplace=self.in_place).mean(dim=(2, 3))


class Rectified(nn.Module):
    """The ReLU is a layer with a name."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv(x)).mean(dim=(2, 3))


def small(body, seed=0):
    torch.manual_seed(seed)
    made = body.eval().double()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    head = nn.Linear(6, 2).double().eval()
    with torch.no_grad():  # of both signs for both classes, so that no map is 0 everywhere
        head.weight.copy_(torch.tensor([[1.0, -0.5, 0.7, -0.2, 0.3, -0.1], [-0.3, 0.9, -0.1, 0.5, -0.2, 0.8]]))
    return made, head, torch.rand(3, 1, 9, 8, dtype=torch.double)


def test_with_mean_and_linear_head_it_is_the_class_activation_map():
    """Zhou et al. CVPR 2016: the map is then sum_k w_k A_k / cells, the head's weights themselves."""
    body, head, images = small(Rectified())

    found = explain_class(body, head, images, layer="relu", class_index=1)

    maps = functional.relu(body.conv(images)).detach()
    expected = torch.relu((head.weight[1].view(1, 6, 1, 1) * maps).sum(dim=1)).detach() / 72
    for one, cells in zip(found, expected, strict=True):
        assert one.cells == pytest.approx(cells.numpy(), rel=1e-6, abs=1e-7)
        assert one.heat.max() == 1
        assert one.heat == pytest.approx((cells / cells.max()).numpy(), abs=1e-6)


def test_an_operation_in_place_behind_the_layer_changes_nothing():
    body, head, images = small(Body(in_place=False))
    other, _, _ = small(Body(in_place=True))
    other.load_state_dict(body.state_dict())

    for method in ("grad_cam", "grad_cam_plus_plus"):
        plain, in_place = (
            explain_class(one, head, images, layer="conv", class_index=0, method=method) for one in (body, other)
        )
        for one, two in zip(plain, in_place, strict=True):
            assert one.cells.any()
            assert np.array_equal(one.cells, two.cells)
            assert one.score == two.score


def test_a_hook_that_keeps_what_it_is_given_would_be_wrong():
    """Why maps are copied: the stored output of the layer is overwritten by the ReLU behind it."""
    for in_place in (False, True):
        body, _, images = small(Body(in_place=in_place))
        kept = []
        body.conv.register_forward_hook(lambda _module, _inputs, output, kept=kept: kept.append(output))
        body(images)
        assert bool((kept[0] < 0).any()) is not in_place


def test_torchvisions_densenet_is_that_of_the_network_taken_apart():
    """densenet121 ends in relu(..., inplace=True); here the end is written out without it."""
    torch.manual_seed(1)
    network = models.densenet121(weights=None, num_classes=2).eval()
    images = torch.rand(2, 3, 96, 96)

    found = explain_class(network, nn.Identity(), images, layer="features.norm5", class_index=1)

    maps = network.features(images).detach().requires_grad_()
    score = network.classifier(functional.relu(maps).mean(dim=(2, 3)))[:, 1]
    (gradient,) = torch.autograd.grad(score.sum(), maps)
    expected = torch.relu((gradient.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1)).detach().numpy()
    for one, cells, value in zip(found, expected, score.tolist(), strict=True):
        assert one.cells.shape == (3, 3)
        assert one.cells == pytest.approx(cells, rel=1e-4, abs=1e-8)
        assert one.score == pytest.approx(value, abs=1e-6)


def test_plus_plus_is_the_paper_in_plain_loops():
    """Chattopadhay et al. 2018, equations 5, 10 and 19, cell by cell."""
    body, head, images = small(Rectified(), seed=3)
    found = explain_class(body, head, images[:1], layer="relu", class_index=0, method="grad_cam_plus_plus")[0]

    a = functional.relu(body.conv(images[:1]))[0].detach().numpy()
    g = np.broadcast_to(head.weight[0].detach().numpy()[:, None, None] / 72, a.shape)
    expected = np.zeros(a.shape[1:])
    for k in range(6):
        weight = 0.0
        for i in range(a.shape[1]):
            for j in range(a.shape[2]):
                alpha = g[k, i, j] ** 2 / (2 * g[k, i, j] ** 2 + a[k].sum() * g[k, i, j] ** 3)
                weight += alpha * max(g[k, i, j], 0)
        expected += weight * a[k]
    assert found.cells == pytest.approx(np.maximum(expected, 0), rel=1e-5)
    assert found.method == "Grad-CAM++"


def test_one_score_stands_for_two_classes():
    body, _, images = small(Rectified())
    single = nn.Linear(6, 1).double().eval()
    both = nn.Linear(6, 2).double().eval()
    with torch.no_grad():
        both.weight.copy_(torch.cat([-single.weight, single.weight]))
        both.bias.copy_(torch.cat([-single.bias, single.bias]))

    for class_index in (0, 1):
        one, two = (
            explain_class(body, head, images, layer="relu", class_index=class_index)[0] for head in (single, both)
        )
        assert one.cells == pytest.approx(two.cells)
        assert one.score == pytest.approx(two.score)


def test_frozen_weights_and_no_grad_do_not_matter():
    body, head, images = small(Rectified())
    expected = explain_class(body, head, images, layer="relu", class_index=0)[0].cells
    for parameter in [*body.parameters(), *head.parameters()]:
        parameter.requires_grad_(False)

    with torch.no_grad():
        found = explain_class(body, head, images, layer="relu", class_index=0)[0]

    assert np.array_equal(found.cells, expected)
    assert not body.relu._forward_hooks


def test_images_of_a_batch_do_not_mix():
    body, head, images = small(Rectified())

    together = explain_class(body, head, images, layer="relu", class_index=0)

    for place, one in enumerate(together):
        alone = explain_class(body, head, images[place : place + 1], layer="relu", class_index=0)[0]
        assert one.cells == pytest.approx(alone.cells, rel=1e-6)


def test_nothing_speaks_for_the_class():
    body, head, images = small(Rectified())
    with torch.no_grad():
        head.weight[0].fill_(-1)

    found = explain_class(body, head, images, layer="relu", class_index=0)[0]

    assert not found.heat.any()
    assert "nothing in this layer speaks" in found.reason


@functools.cache
def trained_to_find_squares():
    """A small network that tells noise with a bright square of 5 pixels from noise alone."""
    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    head = nn.Linear(12, 2)
    optimiser = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=0.01)
    for _ in range(120):
        images, truth, _ = squares(32)
        loss = functional.cross_entropy(head(body(images)), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return body.eval(), head.eval()


def squares(n):
    """Images (n, 1, 24, 24), whether a square is in them, and its upper left corner."""
    images, truth = 0.3 * torch.rand(n, 1, 24, 24), torch.arange(n) % 2
    corners = torch.randint(0, 20, (n, 2))
    for image, there, (row, column) in zip(images, truth, corners.tolist(), strict=True):
        if there:
            image[0, row : row + 5, column : column + 5] += 0.5
    return images, truth, corners


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_plus_plus"])
@pytest.mark.parametrize("layer", ["3", "4"])
def test_the_maximum_lies_on_what_was_learnt(method, layer):
    body, head = trained_to_find_squares()
    torch.manual_seed(5)
    images, truth, corners = squares(60)
    calls = head(body(images)).argmax(dim=1)
    assert (calls == truth).float().mean() > 0.95

    maps = explain_class(body, head, images, layer=layer, class_index=1, method=method)

    hits = []
    for one, there, (row, column) in zip(maps, truth, corners.tolist(), strict=True):
        if there:
            top = np.unravel_index(one.heat.argmax(), one.heat.shape)
            hits.append(row - 1 <= top[0] <= row + 5 and column - 1 <= top[1] <= column + 5)
    assert np.mean(hits) >= 0.9
    # by chance: 7 x 7 of 24 x 24 pixels
    assert np.mean(hits) > 5 * 49 / 576


def test_a_single_cell_is_refused_and_others_are_offered():
    network = models.densenet121(weights=None).eval()

    with pytest.raises(LayerError) as caught:
        explain_class(
            network,
            nn.Identity(),
            torch.zeros(1, 3, 56, 56),
            layer="features.norm5",
            class_index=0,
            other_layers=("features.denseblock3", "features.denseblock2"),
        )

    assert str(caught.value) == (
        "At 56 × 56 pixels the layer features.norm5 gives maps of 1 × 1 cell(s), which cannot say where in the image. "
        "Choose an earlier layer: features.denseblock3 (3 × 3 cells), features.denseblock2 (7 × 7 cells). "
        "Or train with images enlarged to 224 pixels (there features.norm5 (7 × 7 cells))."
    )


def test_sizes_of_the_layers_of_a_resnet():
    network = models.resnet50(weights=None).eval()

    found = measure_layers(network, ("layer4", "layer3", "layer2", "layer1"), channels=3, side=56)

    assert [(one.layer, one.n_maps, one.height, one.width) for one in found] == [
        ("layer4", 2048, 2, 2),
        ("layer3", 1024, 4, 4),
        ("layer2", 512, 7, 7),
        ("layer1", 256, 14, 14),
    ]
    assert all(one.is_usable for one in found)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"layer": "norm9"}, LayerError, "no layer “norm9”; it begins with conv, relu"),
        ({"layer": "", "head": nn.Identity()}, LayerError, "not maps"),
        ({"class_index": 2}, ValueError, "classes 0 to 1"),
        ({"method": "cam"}, ValueError, "“cam” is not a method"),
    ],
)
def test_refuses(change, error, message):
    body, head, images = small(Rectified())
    given = {"body": body, "head": head, "images": images, "layer": "relu", "class_index": 0} | change

    with pytest.raises(error, match=message):
        explain_class(**given)


def test_a_network_in_training_is_refused():
    body, head, images = small(Rectified())
    for part in (nn.Dropout(), nn.BatchNorm1d(2)):
        with pytest.raises(ValueError, match="training mode"):
            explain_class(body, nn.Sequential(head, part), images, layer="relu", class_index=0)


def test_overlay_leaves_the_image_where_the_map_is_zero():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    heat = np.zeros((8, 8))
    heat[2, 3] = 1

    shown = overlay(image, heat, opacity=1)

    assert shown.dtype == np.uint8
    untouched = heat == 0
    assert (shown[untouched] == image[untouched][:, None]).all()
    assert shown[2, 3].tolist() == [252, 255, 164]  # the last colour of matplotlib's inferno
    assert np.array_equal(overlay(image, np.ones((8, 8)), opacity=0), np.repeat(image[:, :, None], 3, axis=2))


@pytest.mark.parametrize("opacity", [0.0, 0.3, 1.0])
def test_the_coloured_map_laid_over_the_image_is_the_overlay(opacity):
    """Composed as browsers do it, by Porter and Duff's "over" (1984), with the opacity times the own transparency."""
    random = np.random.default_rng(1)
    image, heat = random.integers(0, 256, (16, 16), dtype=np.uint8), random.random((16, 16))

    coloured = colour_heat(heat)

    share = opacity * coloured[:, :, 3:] / 255
    composed = share * coloured[:, :, :3] + (1 - share) * image[:, :, None]
    assert coloured.dtype == np.uint8
    assert composed == pytest.approx(overlay(image, heat, opacity=opacity).astype(float), abs=2)
    assert colour_heat(np.array([[0.0, 1.0]]))[0, :, 3].tolist() == [0, 255]


def test_a_coloured_map_refuses():
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        colour_heat(np.zeros(4))
    with pytest.raises(ValueError, match="numbers from 0 to 1"):
        colour_heat(np.full((2, 2), 1.5))


def test_a_small_map_is_enlarged():
    shown = overlay(np.zeros((8, 8), dtype=np.uint8), np.array([[1.0, 0.0], [0.0, 0.0]]))

    assert shown.shape == (8, 8, 3)
    brightness = shown.sum(axis=2)
    assert brightness[0, 0] == brightness.max()
    assert brightness[7, 7] == 0


@pytest.mark.parametrize(
    ("image", "heat", "opacity", "message"),
    [
        (np.zeros((4, 4)), np.zeros((4, 4)), 0.5, "float64"),
        (np.zeros((4, 4), np.uint8), np.full((4, 4), 1.5), 0.5, "from 0 to 1"),
        (np.zeros((4, 4), np.uint8), np.full((4, 4), np.nan), 0.5, "from 0 to 1"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4)), 40, "opacity = 40"),
    ],
)
def test_overlay_refuses(image, heat, opacity, message):
    with pytest.raises(ValueError, match=message):
        overlay(image, heat, opacity=opacity)
