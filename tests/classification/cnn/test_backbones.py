"""Backbones against torchvision's whole networks, and files of weights in every layout; made here, none can be had."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from classification.cnn.backbones import (
    BackboneWeights,
    create_backbone,
    list_backbones,
    list_weights,
    register_backbone,
)
from classification.cnn.checkpoint import ClassifierData, save_classifier
from tests.classification.cnn.conftest import make_images
from worker.compute.weights import WeightsError


@pytest.fixture
def images():
    return torch.from_numpy(make_images(3).pixels).unsqueeze(1)


def whole_network(name: str, channels: int = 3) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(11)
        whole = getattr(models, name)(weights=None)
        if channels == 1:
            if name == "densenet121":
                whole.features.conv0 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
            else:
                whole.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    return whole.eval()


def pooled(whole: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What the whole network hands to its last layer."""
    caught = []
    last = whole.classifier if hasattr(whole, "classifier") else whole.fc
    last.register_forward_pre_hook(lambda module, inputs: caught.append(inputs[0]))
    with torch.no_grad():
        whole(x)
    return caught[0]


@pytest.mark.parametrize(("name", "width"), [("densenet121", 1024), ("resnet50", 2048), ("resnet18", 512)])
def test_features_are_what_torchvisions_network_hands_to_its_last_layer(tmp_path, images, name, width):
    whole = whole_network(name)
    torch.save(whole.state_dict(), tmp_path / "file.pth")
    backbone = create_backbone(
        name, weights=BackboneWeights(kind="torchvision", path=tmp_path / "file.pth"), input_side=64
    )
    x = nn.functional.interpolate(images.float() / 255, size=(64, 64), mode="bilinear", antialias=True).expand(
        -1, 3, -1, -1
    )
    mean, sd = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

    with torch.no_grad():
        found = backbone.features(images)

    assert found.shape == (3, width)
    assert backbone.n_features == width
    assert torch.allclose(found, pooled(whole, (x - mean.view(3, 1, 1)) / sd.view(3, 1, 1)), rtol=1e-3, atol=1e-4)
    for layer in backbone.layers:
        backbone.module.get_submodule(layer)


def test_the_layers_maps_survive_the_forward_pass(images):
    """torchvision's DenseNet overwrites its last maps in place; hooks would see them after the ReLU."""
    backbone = create_backbone("densenet121", weights=BackboneWeights(seed=2), input_side=64)
    kept = []
    backbone.module.get_submodule("features.norm5").register_forward_hook(
        lambda m, i, out: kept.append((out, out.clone()))
    )
    with torch.no_grad():
        backbone.features(images)
    assert (kept[0][1] < 0).any()
    assert torch.equal(*kept[0])


class TestFiles:
    def test_chexnets_old_names_and_prefixes(self, tmp_path):
        whole = whole_network("densenet121")
        old = {
            "module.densenet121."
            + key.replace("norm1.", "norm.1.")
            .replace("norm2.", "norm.2.")
            .replace("conv1.", "conv.1.")
            .replace("conv2.", "conv.2.")
            if "denselayer" in key
            else "module.densenet121." + key: values
            for key, values in whole.state_dict().items()
            if not key.endswith("num_batches_tracked") and not key.startswith("classifier")
        }
        old["module.densenet121.classifier.0.weight"] = torch.zeros(14, 1024)
        torch.save({"epoch": 3, "state_dict": old}, tmp_path / "chexnet.pth.tar")

        backbone = create_backbone(
            "densenet121", weights=BackboneWeights(kind="chexnet", path=tmp_path / "chexnet.pth.tar")
        )

        for key, values in whole.features.state_dict().items():
            assert torch.equal(backbone.module.state_dict()[f"features.{key}"], values)

    @pytest.mark.parametrize(("name", "prefix"), [("densenet121", ""), ("resnet18", "model.")])
    def test_torchxrayvision_takes_one_channel_from_minus_to_plus_1024(self, tmp_path, name, prefix):
        whole = whole_network(name, channels=1)
        state = {prefix + key: values for key, values in whole.state_dict().items()}
        torch.save({**state, "op_threshs": torch.zeros(18)}, tmp_path / "xrv.pth")
        weights = BackboneWeights(kind="torchxrayvision", path=tmp_path / "xrv.pth")
        backbone = create_backbone(name, weights=weights, input_side=32)
        levels = torch.tensor([0, 255, 51], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 32, 32)

        x = backbone.preprocess(levels)

        assert x.shape == (3, 1, 32, 32)
        assert x[:, 0, 0, 0].tolist() == pytest.approx([-1024.0, 1024.0, -614.4])
        with torch.no_grad():
            assert torch.allclose(backbone.features(levels), pooled(whole, x), rtol=1e-3, atol=1e-2)

    def test_a_classifier_trained_here_is_a_beginning_for_another(self, tmp_path, tiny_kind, tiny, images):
        state = {
            key: values + 1 if values.is_floating_point() else values
            for key, values in tiny.module.state_dict().items()
        }
        save_classifier(tmp_path / "own.classifier.pt", _classifier(state))
        weights = BackboneWeights(kind="trained_here", path=tmp_path / "own.classifier.pt")

        again = create_backbone(tiny_kind, weights=weights, input_side=48)

        assert again.normalisation == "imagenet"
        assert all(torch.equal(values, state[key]) for key, values in again.module.state_dict().items())

    def test_a_head_alone_is_no_beginning(self, tmp_path, tiny_kind):
        save_classifier(tmp_path / "own.classifier.pt", _classifier(None))
        weights = BackboneWeights(kind="trained_here", path=tmp_path / "own.classifier.pt")
        with pytest.raises(WeightsError, match="the head alone"):
            create_backbone(tiny_kind, weights=weights)
        save_classifier(tmp_path / "own.classifier.pt", _classifier({}, backbone="resnet18"))
        with pytest.raises(WeightsError, match="with the backbone resnet18, not tiny"):
            create_backbone(tiny_kind, weights=weights)

    def test_the_wrong_kind_another_network_and_a_damaged_file_are_refused(self, tmp_path):
        torch.save(whole_network("resnet18").state_dict(), tmp_path / "right.pth")
        torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
        (tmp_path / "damaged.pth").write_bytes(b"PK\x03\x04 not weights")
        for kind, name, words in (
            ("torchxrayvision", "right.pth", r"takes images of 3 channel\(s\); .* take 1"),
            ("torchvision", "other.pth", "neither a DenseNet nor a ResNet"),
            ("torchvision", "damaged.pth", "cannot be read"),
            ("torchvision", "absent.pth", "no file of weights absent.pth"),
        ):
            with pytest.raises(WeightsError, match=words):
                create_backbone("resnet18", weights=BackboneWeights(kind=kind, path=tmp_path / name))
        with pytest.raises(WeightsError, match="lacks"):
            create_backbone(
                "resnet50", weights=BackboneWeights(kind="torchvision", path=_emptied(tmp_path / "right.pth"))
            )

    def test_files_are_found_by_their_published_names(self, tmp_path):
        for name in (
            "densenet121-a639ec97.pth", "resnet50-11ad3fa6.pth", "chexnet-model.pth.tar",
            "xrv-densenet121-res224-all.pth", "own.classifier.pt", "notes.txt",
        ):  # fmt: skip
            (tmp_path / name).touch()

        found = [(one.kind, one.path and one.path.name) for one in list_weights(tmp_path, "densenet121")]

        assert found == [
            ("none", None), ("torchvision", "densenet121-a639ec97.pth"), ("chexnet", "chexnet-model.pth.tar"),
            ("torchxrayvision", "xrv-densenet121-res224-all.pth"), ("trained_here", "own.classifier.pt"),
        ]  # fmt: skip
        assert [one.kind for one in list_weights(None, "resnet50")] == ["none"]


class TestRandomWeights:
    def test_same_seed_same_weights_and_the_random_state_is_left_alone(self, tiny_kind):
        before = torch.get_rng_state()
        first, again, other = (create_backbone(tiny_kind, weights=BackboneWeights(seed=seed)) for seed in (4, 4, 5))

        assert first.weights_sha256 == again.weights_sha256 != other.weights_sha256
        assert torch.equal(torch.get_rng_state(), before)
        assert "not trained" in first.weights.title

    def test_preprocessing_has_a_key_of_its_own(self, tiny_kind):
        keys = {
            create_backbone(tiny_kind, weights=BackboneWeights(), input_side=side).preprocessing_key
            for side in (32, 64)
        }
        assert len(keys) == 2


def test_what_cannot_be_used_is_named(tiny):
    with pytest.raises(ValueError, match="Unknown backbone 'vgg'; known: densenet121, resnet18, resnet50, tiny"):
        create_backbone("vgg", weights=BackboneWeights())
    with pytest.raises(ValueError, match="registered twice"):
        register_backbone("tiny", title="Tiny")(lambda channels: None)
    with pytest.raises(ValueError, match="need a file"):
        BackboneWeights(kind="chexnet")
    with pytest.raises(ValueError, match="must be uint8"):
        tiny.preprocess(torch.zeros(1, 1, 8, 8))
    assert [kind.name for kind in list_backbones()] == ["densenet121", "resnet18", "resnet50", "tiny"]


def _classifier(state, *, backbone: str = "tiny") -> ClassifierData:
    return ClassifierData(
        backbone=backbone, normalisation="imagenet", input_side=32,
        weights_title="random", weights_sha256="0" * 64, backbone_state=state, head_weights=torch.zeros(16, 1),
        head_bias=torch.zeros(1), loss="bce", classes=("normal", "disc"), positive="disc", config={}, seed=0, epochs=1,
    )  # fmt: skip


def _emptied(path):
    state = torch.load(path, weights_only=True)
    np.testing.assert_equal(state["conv1.weight"].shape, (64, 3, 7, 7))
    other = path.with_name("emptied.pth")
    torch.save({"conv1.weight": state["conv1.weight"]}, other)
    return other
