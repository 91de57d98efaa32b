"""How the networks of the progressive GAN grow, what they keep and put out, and how they take classes."""

import pytest
import torch

from generation.gan.pggan_networks import (
    PgganDiscriminator,
    PgganGenerator,
    double_nearest,
    fade_reals,
    halve_box,
)
from generation.gan.registry import create_generator
from tests.generation.gan.small_pggan import NO_CLASS, doubled, latents, small


@pytest.fixture
def pair() -> tuple[PgganGenerator, PgganDiscriminator]:
    torch.manual_seed(0)
    return doubled(PgganGenerator(small(), n_classes=1)), doubled(PgganDiscriminator(small(), n_classes=1))


class TestFadeIn:
    @pytest.mark.parametrize("level", [1, 2, 3])
    def test_generator_at_0_is_the_old_level_and_at_1_the_new_one(self, pair, level):
        generator, _ = pair
        generator.set_stage(level=level - 1)
        old = generator(latents(), NO_CLASS)
        generator.set_stage(level=level, alpha=1.0)
        new = generator(latents(), NO_CLASS)
        generator.set_stage(level=level, alpha=0.0)
        begun = generator(latents(), NO_CLASS)
        generator.set_stage(level=level, alpha=0.25)
        between = generator(latents(), NO_CLASS)

        assert torch.equal(begun, double_nearest(old))
        assert torch.allclose(between, 0.75 * double_nearest(old) + 0.25 * new, atol=1e-14)
        assert not torch.allclose(begun, new)

    @pytest.mark.parametrize("level", [1, 2, 3])
    def test_discriminator_at_0_is_the_old_level(self, pair, level):
        _, discriminator = pair
        images = torch.randn(4, 1, 4 << level, 4 << level, dtype=torch.float64)
        discriminator.set_stage(level=level - 1)
        old = discriminator(halve_box(images), NO_CLASS)
        discriminator.set_stage(level=level, alpha=0.0)
        begun = discriminator(images, NO_CLASS)
        discriminator.set_stage(level=level, alpha=1 - 1e-12)
        nearly = discriminator(images, NO_CLASS)
        discriminator.set_stage(level=level, alpha=1.0)
        new = discriminator(images, NO_CLASS)

        assert torch.equal(begun, old)
        assert torch.allclose(nearly, new, atol=1e-9)
        assert not torch.allclose(begun, new)

    def test_reals(self):
        images = torch.randn(2, 1, 8, 8, dtype=torch.float64)
        coarse = double_nearest(halve_box(images))

        assert torch.equal(fade_reals(images, 1.0), images)
        assert torch.equal(fade_reals(images, 0.0), coarse)
        assert torch.allclose(fade_reals(images, 0.3), 0.7 * coarse + 0.3 * images, atol=1e-15)
        assert torch.allclose(halve_box(fade_reals(images, 0.3)), halve_box(images), atol=1e-15)


class TestState:
    def test_a_state_dict_of_any_moment_samples_as_it_did(self, pair):
        generator, _ = pair
        generator.set_stage(level=2, alpha=0.3)
        before = generator(latents(), NO_CLASS)

        again = doubled(create_generator("pggan", small().to_dict(), n_classes=1))
        assert again.side == 32
        again.load_state_dict(generator.state_dict())

        assert again.side == 16
        assert torch.equal(again(latents(), NO_CLASS), before)

    def test_a_state_of_an_impossible_level_is_refused(self, pair):
        generator, _ = pair
        state = generator.state_dict() | {"level": torch.tensor(9)}

        with pytest.raises(ValueError, match="level is 9"):
            generator.load_state_dict(state)

    def test_double_precision_agrees_with_single(self):
        torch.manual_seed(0)
        generator = PgganGenerator(small(), n_classes=1).eval()
        single = generator(latents().float(), NO_CLASS)

        exact = doubled(generator)(latents().float().double(), NO_CLASS)

        assert exact.dtype == torch.float64
        assert torch.allclose(single.double(), exact, atol=1e-5)


class TestOutput:
    def test_it_is_linear_in_the_last_layer(self, pair):
        generator, _ = pair
        images = generator(latents(), NO_CLASS)

        with torch.no_grad():
            generator.to_image[3].weight.mul_(100.0)
        larger = generator(latents(), NO_CLASS)

        assert torch.allclose(larger, images * 100.0, atol=1e-10)
        assert float(larger.detach().abs().max()) > 1.5  # no tanh

    def test_the_score_is_linear_too(self, pair):
        _, discriminator = pair
        images = torch.randn(4, 1, 32, 32, dtype=torch.float64)
        scores = discriminator(images, NO_CLASS)

        with torch.no_grad():
            discriminator.score.weight.mul_(50.0)

        assert torch.allclose(discriminator(images, NO_CLASS), scores * 50.0, atol=1e-10)


class TestClasses:
    @pytest.fixture
    def conditional(self) -> tuple[PgganGenerator, PgganDiscriminator]:
        torch.manual_seed(0)
        config = small(conditional=True)
        return doubled(PgganGenerator(config, n_classes=3)), doubled(PgganDiscriminator(config, n_classes=3))

    def test_the_class_changes_image_and_score(self, conditional):
        generator, discriminator = conditional
        images = generator(latents(), NO_CLASS)

        assert not torch.allclose(images, generator(latents(), NO_CLASS + 1))
        assert not torch.allclose(discriminator(images, NO_CLASS), discriminator(images, NO_CLASS + 1))

    def test_the_score_is_the_common_one_plus_a_projection(self, conditional):
        _, discriminator = conditional
        images = torch.randn(4, 1, 32, 32, dtype=torch.float64)
        with_classes = torch.stack([discriminator(images, NO_CLASS + index) for index in range(3)])

        with torch.no_grad():
            discriminator.projection.mul_(2.0)
        twice = torch.stack([discriminator(images, NO_CLASS + index) for index in range(3)])
        with torch.no_grad():
            discriminator.projection.zero_()
        common = torch.stack([discriminator(images, NO_CLASS + index) for index in range(3)])

        assert torch.equal(common[0], common[1])
        assert torch.allclose(twice - common, 2 * (with_classes - common), atol=1e-12)

    @pytest.mark.parametrize(("conditional", "n_classes"), [(False, 3), (True, 1)])
    def test_without_condition_the_class_is_ignored(self, conditional, n_classes):
        torch.manual_seed(0)
        config = small(conditional=conditional)
        generator = doubled(PgganGenerator(config, n_classes=n_classes))

        assert generator.embedding is None
        assert torch.equal(generator(latents(), NO_CLASS), generator(latents(), NO_CLASS + n_classes - 1))
