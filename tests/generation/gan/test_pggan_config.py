"""The schedule and the settings of the progressive GAN; no PyTorch is needed to read them."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.gan.pggan_config import BATCH_SIZES, LEARNING_RATES, PgganConfig, phase_at, schedule, stage_at
from generation.gan.presets import PRESETS

ROOT = Path(__file__).resolve().parents[3]


class TestSchedule:
    def test_published_schedule_at_1024(self):
        """600 kimg at 4 x 4; then 600 fading in and 600 more for each level; what is left of 12,000 at 1024."""
        phases = schedule(PgganConfig(image_size=1024))

        assert [(phase.side, phase.fading, phase.first_image, phase.images) for phase in phases] == [
            (4, False, 0, 600_000),
            (8, True, 600_000, 600_000),
            (8, False, 1_200_000, 600_000),
            (16, True, 1_800_000, 600_000),
            (16, False, 2_400_000, 600_000),
            (32, True, 3_000_000, 600_000),
            (32, False, 3_600_000, 600_000),
            (64, True, 4_200_000, 600_000),
            (64, False, 4_800_000, 600_000),
            (128, True, 5_400_000, 600_000),
            (128, False, 6_000_000, 600_000),
            (256, True, 6_600_000, 600_000),
            (256, False, 7_200_000, 600_000),
            (512, True, 7_800_000, 600_000),
            (512, False, 8_400_000, 600_000),
            (1024, True, 9_000_000, 600_000),
            (1024, False, 9_600_000, 2_400_000),
        ]

    @pytest.mark.parametrize(
        ("seen", "size", "batch", "alpha"),
        [
            (0, 4, 128, 1.0),
            (599_999, 4, 128, 1.0),
            (600_000, 8, 128, 0.0),
            (900_000, 8, 128, 0.5),
            (1_200_000, 8, 128, 1.0),
            (3_000_000, 32, 64, 0.0),
            (9_150_000, 1024, 4, 0.25),
            (12_000_000, 1024, 4, 1.0),
            (99_000_000, 1024, 4, 1.0),
        ],
    )
    def test_stage_at_a_moment(self, seen, size, batch, alpha):
        stage = stage_at(PgganConfig(image_size=1024), seen)

        assert (stage.image_size, stage.batch_size, stage.alpha) == (size, batch, pytest.approx(alpha, abs=1e-12))

    @settings(deadline=None, max_examples=60)
    @given(
        stabilise=st.floats(0, 3).map(lambda kimg: round(kimg, 3)),
        fade=st.floats(0, 3).map(lambda kimg: round(kimg, 3)),
        batch=st.integers(2, 64),
        size=st.sampled_from([8, 16, 32, 64]),
    )
    def test_walking_through_a_run_meets_every_level_in_order(self, stabilise, fade, batch, size):
        total = 8 * (stabilise + fade) + 1
        config = PgganConfig(
            image_size=size, stabilise_kimg=stabilise, fade_in_kimg=fade, total_kimg=total, batch_sizes=(batch,) * 9
        )

        seen, before, shares = 0, None, []
        while seen < config.total_images:
            stage = stage_at(config, seen)
            if before is not None:
                assert stage.image_size >= before.image_size
                if stage.image_size == before.image_size:
                    assert stage.alpha >= before.alpha
            assert 0.0 <= stage.alpha <= 1.0
            phase = phase_at(config, seen)
            assert phase.first_image <= seen
            assert phase.fading == (stage.alpha < 1.0)
            shares.append(stage.image_size)
            before = stage
            seen += stage.batch_size

        assert before.image_size == size
        assert before.alpha == 1.0
        assert sum(phase.images for phase in schedule(config)) == config.total_images

    def test_a_phase_begins_with_a_step(self):
        """Batches of 7: the first step at or after image 100 fades in, the one before does not."""
        config = PgganConfig(image_size=8, stabilise_kimg=0.1, fade_in_kimg=0.05, total_kimg=1, batch_sizes=(7,) * 9)

        assert stage_at(config, 98).image_size == 4
        assert stage_at(config, 105).image_size == 8
        assert stage_at(config, 105).alpha == pytest.approx(5 / 50)
        assert stage_at(config, 147).alpha == pytest.approx(47 / 50)
        assert stage_at(config, 154).alpha == 1.0

    def test_without_growing_there_is_one_phase(self):
        (phase,) = schedule(PgganConfig(image_size=64, stabilise_kimg=0, fade_in_kimg=0, total_kimg=10))

        assert (phase.side, phase.fading, phase.images) == (64, False, 10_000)


class TestSettings:
    def test_the_defaults_are_the_published_ones(self):
        config = PgganConfig()

        assert (config.beta1, config.beta2, config.epsilon, config.ema_decay) == (0.0, 0.99, 1e-8, 0.999)
        assert (config.gradient_penalty, config.drift) == (10.0, 0.001)
        assert (config.latent_dim, config.feature_maps_base, config.feature_maps_max) == (512, 8192, 512)
        assert (config.total_kimg, config.stabilise_kimg, config.fade_in_kimg) == (12_000, 600, 600)
        assert config.batch_sizes == (128, 128, 128, 64, 32, 16, 8, 4, 4)

    def test_rates_grow_with_the_number_of_gpus(self):
        assert [max(LEARNING_RATES[gpus]) for gpus in (1, 2, 4, 8)] == [0.0015, 0.002, 0.003, 0.003]
        assert [rates[-1] for rates in LEARNING_RATES.values()] == [0.0015, 0.002, 0.003, 0.003]
        for gpus in (1, 2, 4, 8):
            assert list(LEARNING_RATES[gpus]) == sorted(LEARNING_RATES[gpus])
            assert list(BATCH_SIZES[gpus]) == sorted(BATCH_SIZES[gpus], reverse=True)
            assert all(size % (4 * gpus) == 0 for size in BATCH_SIZES[gpus])  # whole groups of 4 on each

    def test_a_stored_configuration_comes_back_equal(self):
        config = PgganConfig(image_size=128, batch_sizes=BATCH_SIZES[2], total_kimg=20_000.5, conditional=True)

        assert PgganConfig.from_dict(config.to_dict()) == config

    def test_a_run_that_ends_before_its_resolution_is_complete_is_refused(self):
        with pytest.raises(
            ValueError, match="total_kimg is 9600; 1024 pixels are complete only after 9600 kimg of the smaller"
        ):
            PgganConfig(image_size=1024, total_kimg=9600)
        assert PgganConfig(image_size=1024, total_kimg=9600.004).total_images == 9_600_004

    def test_too_few_feature_maps_are_refused(self):
        with pytest.raises(ValueError, match="feature_maps_base is 100; at 256 pixels it leaves no feature map"):
            PgganConfig(image_size=256, feature_maps_base=100)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"image_size": 100}, "image_size is 100"),
            ({"batch_sizes": (1,) * 9}, "batch_sizes is"),
            ({"precision": "float16"}, "precision is 'float16'"),
            ({"channels": 2}, "channels is 2"),
            ({"ema_decay": 1.0}, "ema_decay is 1.0"),
        ],
    )
    def test_what_cannot_work_is_refused(self, changes, message):
        with pytest.raises(ValueError, match=message):
            PgganConfig(**changes)


class TestPresets:
    def test_jang(self):
        config = PRESETS["jang"].make(3)

        assert (config.image_size, config.channels, config.seed, config.conditional) == (1024, 1, 3, False)
        assert config.learning_rates == (0.001,) * 7 + (0.0015, 0.002)
        assert all(size % 8 == 0 for size in config.batch_sizes)  # two GPUs, whole groups of 4 on each
        assert config.total_images == 12_000_000

    def test_one_gpu_reaches_1024_in_the_papers_schedule(self):
        config = PRESETS["pggan-one-gpu"].make(0)
        last = schedule(config)[-1]

        assert (last.side, last.fading, last.first_image, last.images) == (1024, False, 13_600_000 - 800_000, 6_200_000)

    def test_the_quick_look_is_marked_as_a_demonstration(self):
        assert [name for name, preset in PRESETS.items() if preset.generator == "pggan"] == [
            "jang",
            "jang-normal",
            "jang-abnormal",
            "pggan-one-gpu",
            "pggan-quick",
        ]
        assert PRESETS["pggan-quick"].is_demonstration
        assert PRESETS["pggan-quick"].make(0).image_size == 64


def test_the_settings_are_read_without_pytorch():
    code = "import sys, generation.gan.pggan_config; print('torch' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "False"
