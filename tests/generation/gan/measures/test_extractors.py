"""Files of weights in every layout that is known, made here; no weights can be had for the tests."""

import pickle

import numpy as np
import pytest
import torch
from torchvision.models import densenet121, inception_v3

from generation.gan.measures.extractors import (
    find_weights,
    load_extractor,
    random_extractor,
)
from generation.gan.measures.features import BATCH_SIZE, extract_features
from imaging.phantoms import chest_phantom
from worker.compute.weights import WeightsError


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def extractor():
    return random_extractor()


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(5)
    return densenet121(weights=None).state_dict()


PICTURES = np.stack([chest_phantom(seed=seed, size=56, lesion=False) for seed in range(2)])


def as_published(state):
    """Names as in torchvision's file of 2017 and in CheXNet's: norm.1 for norm1, and no counters."""
    return {
        name.replace("norm1.", "norm.1.")
        .replace("norm2.", "norm.2.")
        .replace("conv1.", "conv.1.")
        .replace("conv2.", "conv.2.")
        if "denselayer" in name
        else name: values
        for name, values in state.items()
        if not name.endswith("num_batches_tracked")
    }


class TestRandom:
    def test_says_so_and_is_the_same_each_time(self, extractor):
        before = torch.get_rng_state()
        again = random_extractor()

        assert "random weights" in extractor.title
        assert extractor.is_random
        assert (again.key, again.weights_sha256) == (extractor.key, extractor.weights_sha256)
        assert random_extractor(seed=1).weights_sha256 != extractor.weights_sha256
        assert torch.equal(torch.get_rng_state(), before)

    def test_is_a_densenet_before_its_classifier(self, extractor):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            whole = densenet121(weights=None).eval()
        x = torch.nn.functional.interpolate(
            torch.from_numpy(PICTURES).float().unsqueeze(1) / 255, size=(224, 224), mode="bilinear", antialias=True
        ).expand(-1, 3, -1, -1)
        mean, sd = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        captured = []
        whole.classifier.register_forward_pre_hook(lambda module, inputs: captured.append(inputs[0]))
        with torch.no_grad():
            whole((x - mean.view(3, 1, 1)) / sd.view(3, 1, 1))

        assert np.allclose(extractor(PICTURES), captured[0].numpy(), rtol=1e-4, atol=1e-5)

    def test_other_pictures_are_refused(self, extractor):
        with pytest.raises(ValueError, match="must be uint8"):
            extractor(PICTURES.astype(np.float32))
        with pytest.raises(ValueError, match="side, side"):
            extractor(PICTURES[:, :, :20])

    def test_batches_give_what_one_picture_at_a_time_gives(self, extractor):
        pictures = np.concatenate([PICTURES] * (BATCH_SIZE // 2 + 1))
        found = extract_features(pictures, extractor=extractor)
        assert found.shape == (len(pictures), 1024)
        assert np.allclose(found[-1], extractor(PICTURES[1:])[0], rtol=1e-4, atol=1e-5)


class TestDenseNetFiles:
    def test_torchvisions_layout(self, tmp_path, state):
        path = tmp_path / "densenet121-imagenet.pth"
        torch.save(as_published(state), path)

        found = load_extractor(path)

        assert (found.name, found.n_features, found.is_random) == ("densenet121-imagenet", 1024, False)
        assert len(found.weights_sha256) == 64
        plain = tmp_path / "densenet121-new.pth"
        torch.save(state, plain)
        assert np.array_equal(load_extractor(plain)(PICTURES), found(PICTURES))
        assert not np.allclose(found(PICTURES), random_extractor()(PICTURES))

    def test_chexnets_layout(self, tmp_path, state):
        """A training script's dictionary, in a DataParallel, with a head of 14 findings."""
        chest = {f"module.densenet121.{name}": v for name, v in as_published(state).items() if "classifier" not in name}
        chest["module.densenet121.classifier.0.weight"] = torch.zeros(14, 1024)
        chest["module.densenet121.classifier.0.bias"] = torch.zeros(14)
        path = tmp_path / "chexnet.pth.tar"
        torch.save({"epoch": 3, "state_dict": chest, "best_loss": 0.1}, path)

        found = load_extractor(path)

        assert (found.name, found.title) == ("densenet121-chest", "DenseNet-121 (chexnet.pth.tar)")
        other = tmp_path / "densenet121-same.pth"
        torch.save(state, other)
        assert np.array_equal(found(PICTURES), load_extractor(other)(PICTURES))

    def test_a_missing_weight_is_named(self, tmp_path, state):
        path = tmp_path / "densenet121.pth"
        torch.save({name: values for name, values in state.items() if "denseblock4" not in name}, path)
        with pytest.raises(WeightsError, match=r"lacks \d+ of the network's weights, the first is .*denseblock4"):
            load_extractor(path)

    def test_a_weight_of_another_shape_is_refused(self, tmp_path, state):
        path = tmp_path / "densenet121.pth"
        torch.save({**state, "features.conv0.weight": torch.zeros(64, 1, 7, 7)}, path)
        with pytest.raises(WeightsError, match="does not fit"):
            load_extractor(path)


class TestInceptionFiles:
    def test_torchvisions(self, tmp_path):
        torch.manual_seed(1)
        whole = inception_v3(weights=None, aux_logits=True, init_weights=False)
        path = tmp_path / "inception_v3_google-test.pth"
        torch.save(whole.state_dict(), path)

        found = load_extractor(path)

        assert (found.name, found.input_side) == ("inception-v3-torchvision", 299)
        assert "not the network of published" in found.title
        assert found(PICTURES).shape == (2, 2048)

    def test_the_original(self, tmp_path):
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        class Unfilled(FeatureExtractorInceptionV3):
            def load_state_dict(self, *args, **options):
                pass

        torch.save({}, tmp_path / "nothing.pth")
        torch.manual_seed(2)
        network = Unfilled("it", ["2048"], feature_extractor_weights_path=str(tmp_path / "nothing.pth"))
        torch.save(network.state_dict(), tmp_path / "weights.pth")
        path = self._named_by_hash(tmp_path / "weights.pth")

        found = load_extractor(path)

        assert (found.name, found.n_features) == ("inception-v3-fid", 2048)
        expected = network(torch.from_numpy(PICTURES).unsqueeze(1).repeat(1, 3, 1, 1))[0].numpy()
        assert np.allclose(found(PICTURES), expected, rtol=1e-4, atol=1e-5)
        assert find_weights(tmp_path) == path

    @staticmethod
    def _named_by_hash(path):
        import hashlib

        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return path.rename(path.with_name(f"weights-inception-2015-12-05-{digest[:8]}.pth"))


class TestRefused:
    def test_a_file_that_is_not_the_one_its_name_says(self, tmp_path, state):
        path = tmp_path / "densenet121-a639ec97.pth"
        torch.save(state, path)
        with pytest.raises(WeightsError, match="expected was a639ec97: the file is damaged or another one"):
            load_extractor(path)

    def test_a_given_hash_is_checked(self, tmp_path, state):
        path = tmp_path / "densenet121.pth"
        torch.save(state, path)
        with pytest.raises(WeightsError, match="expected was 0000"):
            load_extractor(path, sha256="0" * 64)

    def test_no_code_of_the_file_is_run(self, tmp_path):
        class Attack:
            def __reduce__(self):
                return (open, (str(tmp_path / "owned"), "w"))

        path = tmp_path / "densenet121.pth"
        path.write_bytes(pickle.dumps({"features.conv0.weight": Attack()}))
        with pytest.raises(WeightsError, match="cannot be read"):
            load_extractor(path)
        assert not (tmp_path / "owned").exists()

    def test_other_files(self, tmp_path):
        with pytest.raises(WeightsError, match="no file of weights"):
            load_extractor(tmp_path / "absent.pth")
        torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
        with pytest.raises(WeightsError, match="neither an Inception v3 nor a DenseNet-121"):
            load_extractor(tmp_path / "other.pth")
        torch.save([1, 2], tmp_path / "list.pth")
        with pytest.raises(WeightsError, match="no state of a network"):
            load_extractor(tmp_path / "list.pth")


def test_the_folder_is_searched_in_the_stated_order(tmp_path):
    assert find_weights(None) is None
    assert find_weights(tmp_path / "absent") is None
    assert find_weights(tmp_path) is None
    for name in ("densenet121-1.pth", "chexnet.pth.tar", "inception_v3_google-1.pth", "pt_inception-2015-12-05-1.pth"):
        (tmp_path / name).touch()
        assert find_weights(tmp_path).name == name
