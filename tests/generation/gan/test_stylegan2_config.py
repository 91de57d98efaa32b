"""Automatic settings are the authors' formulas; configurations need no PyTorch."""

import subprocess
import sys
from pathlib import Path

import pytest

from generation.gan.stylegan2_config import STYLEGAN2_PRESETS, StyleGan2Config, automatic_settings

ROOT = Path(__file__).resolve().parents[3]


class TestAutomatic:
    # worked out by hand from arXiv 2006.06676, appendix C: images per step min(4096 / side, 32) per GPU, at most 64;
    # gamma 0.0002 side^2 / images; maps 32,768 / side, below 512 half of it; average's half-life images * 10 / 32 kimg
    @pytest.mark.parametrize(
        ("side", "gpus", "batch", "gamma", "base", "rate", "ema", "group"),
        [
            (32, 1, 32, 0.0064, 16_384, 0.0025, 10.0, 4),
            (64, 1, 32, 0.0256, 16_384, 0.0025, 10.0, 4),
            (128, 1, 32, 0.1024, 16_384, 0.0025, 10.0, 4),
            (256, 1, 16, 0.8192, 16_384, 0.0025, 5.0, 4),
            (256, 2, 32, 0.4096, 16_384, 0.0025, 10.0, 4),
            (256, 8, 64, 0.2048, 16_384, 0.0025, 20.0, 4),
            (512, 1, 8, 6.5536, 32_768, 0.0025, 2.5, 4),
            (512, 4, 32, 1.6384, 32_768, 0.0025, 10.0, 4),
            (1024, 1, 4, 52.4288, 32_768, 0.002, 1.25, 4),
            (1024, 8, 32, 6.5536, 32_768, 0.002, 10.0, 4),
            (128, 64, 64, 0.0512, 16_384, 0.0025, 20.0, 1),
        ],
    )
    def test_table(self, side, gpus, batch, gamma, base, rate, ema, group):
        config = automatic_settings(side, n_classes=2, gpus=gpus)

        assert config.batch_size == batch
        assert config.r1_gamma == pytest.approx(gamma, rel=1e-12)
        assert (config.feature_maps_base, config.feature_maps_max) == (base, 512)
        assert config.learning_rate == rate
        assert config.ema_kimg == pytest.approx(ema)
        assert config.minibatch_group == group
        assert (config.mapping_layers, config.ema_ramp, config.mapping_rate) == (2, 0.05, 0.01)
        assert (config.generator_regularise_every, config.discriminator_regularise_every) == (4, 16)
        assert (config.path_length_weight, config.path_length_decay, config.style_mixing) == (2.0, 0.01, 0.9)
        assert (config.augment_target, config.augment_every, config.augment_kimg) == (0.6, 4, 500.0)
        assert (config.augmentation, config.augment_probability, config.augment_flip) == ("adaptive", 0.0, False)

    def test_defaults_are_those_of_256_pixels_on_one_gpu(self):
        assert StyleGan2Config() == automatic_settings(256, n_classes=2)

    def test_one_class_is_learned_without_condition(self):
        assert not automatic_settings(256, n_classes=1).conditional
        assert automatic_settings(256, n_classes=3).conditional

    def test_a_changed_batch_changes_what_depends_on_it(self):
        config = automatic_settings(64, batch_size=16, seed=3)

        assert (config.batch_size, config.seed) == (16, 3)
        assert config.r1_gamma == pytest.approx(0.0512)
        assert config.ema_kimg == pytest.approx(5.0)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"image_size": 100}, "image_size is 100; it must be one of 16, 32"),
            ({"image_size": 64, "n_classes": 0}, "n_classes is 0"),
            ({"image_size": 64, "gpus": 0}, "gpus is 0"),
            ({"image_size": 64, "colour": 1}, "Unknown setting colour"),
        ],
    )
    def test_what_cannot_be_is_named(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            automatic_settings(**arguments)


class TestChecks:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"loss": "relativistic", "image_size": 512}, "^loss is 'relativistic' at 512 pixels"),
            ({"batch_size": 10}, "^batch_size is 10; above 4 it must be a multiple"),
            ({"batch_size": 3}, "^batch_size is 3; with a path length penalty"),
            ({"image_size": 16, "augment_filter": True}, "^augment_filter is on at 16 pixels"),
            ({"image_size": 48}, "^image_size is 48"),
            ({"precision": "float16"}, "^precision is 'float16'"),
            ({"r1_gamma": -1.0}, "^r1_gamma is -1.0"),
        ],
    )
    def test_settings_that_do_not_go_together(self, changes, message):
        with pytest.raises(ValueError, match=message):
            StyleGan2Config(**changes)

    def test_feature_maps(self):
        config = automatic_settings(1024)

        maps = [config.feature_maps(side) for side in (4, 8, 16, 32, 64, 128, 256, 512, 1024)]

        assert maps == [512, 512, 512, 512, 512, 256, 128, 64, 32]

    def test_to_and_from_a_dictionary(self):
        for preset in STYLEGAN2_PRESETS:
            config = preset.make(11)
            assert config.seed == 11
            assert StyleGan2Config.from_dict(config.to_dict()) == config


def test_presets_say_what_they_are():
    by_name = {preset.name: preset for preset in STYLEGAN2_PRESETS}
    published, quick = by_name["stylegan2-256"], by_name["stylegan2-quick-64"]
    relativistic = by_name["stylegan2-r3gan-256"].make(0)

    assert published.make(0) == automatic_settings(256, n_classes=2, precision="bfloat16")
    assert "25,000 kimg" in published.published
    assert [preset.is_demonstration for preset in (published, quick)] == [False, True]
    assert quick.make(0).image_size == 64
    assert relativistic.loss == "relativistic"
    assert (relativistic.discriminator_regularise_every, relativistic.path_length_weight) == (1, 0.0)


def test_web_processes_read_it_without_pytorch():
    code = (
        "import sys; from generation.gan.stylegan2_config import STYLEGAN2_PRESETS; "
        "from generation.gan.registry import list_generators; [one.make(0) for one in STYLEGAN2_PRESETS]; "
        "print('torch' in sys.modules, 'stylegan2' in [kind.name for kind in list_generators()])"
    )

    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)

    assert answer.stdout.split() == ["False", "True"]
