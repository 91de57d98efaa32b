"""Published settings, what is refused and in which words, and that no PyTorch is needed to read them."""

import subprocess
import sys

import pytest

from classification.cnn.config import PRESETS, ClassifierConfig, SweepSettings


def test_defaults_are_those_of_kong():
    config = PRESETS["kong"].make(3)

    assert config == ClassifierConfig(seed=3)
    assert (config.backbone, config.fine_tune) == ("densenet121", False)
    assert (config.learning_rate, config.batch_size, config.epochs) == (1e-4, 8, 100)
    assert (config.decay, config.optimiser, config.loss) == ("inverse_time", "adam", "bce")
    assert (config.mirror, config.rotation_degrees) == (True, 10.0)
    assert (SweepSettings().window, SweepSettings().metric) == (12, "auc")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_stored_and_read_again(name):
    config = PRESETS[name].make(7)

    assert config.seed == 7
    assert ClassifierConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"backbone": "vgg"}, "backbone is 'vgg'; it must be densenet121"),
        ({"learning_rate": 0}, "learning_rate is 0; it must be a number in"),
        ({"rotation_degrees": 200}, "rotation_degrees is 200"),
        ({"epochs": 2.5}, "epochs is 2.5; it must be a whole number"),
        ({"fine_tune": True, "batch_norm": "trained", "batch_size": 1}, "batch_size is 1; batch normalisation"),
    ],
)
def test_what_cannot_be_used_is_named(values, words):
    with pytest.raises(ValueError, match=words):
        ClassifierConfig(**values)


def test_pages_can_read_settings_without_pytorch():
    code = "import sys; import classification.cnn.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
