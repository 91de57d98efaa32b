"""The networks of StyleGAN2: layout, what depends on what, exactness in double precision, 16 bits in training."""

import math

import pytest
import torch
from torch import nn

from generation.gan.registry import create_generator
from generation.gan.stylegan2 import StyleGan2Discriminator, StyleGan2Generator, is_reduced
from generation.gan.stylegan2_config import StyleGan2Config

SMALL = {
    "image_size": 16,
    "batch_size": 8,
    "latent_dim": 6,
    "style_dim": 8,
    "feature_maps_base": 64,
    "feature_maps_max": 8,
}


def small(**changes) -> StyleGan2Config:
    return StyleGan2Config(**{**SMALL, **changes})


def trained(network: nn.Module) -> nn.Module:
    """Not as it starts: noise strengths and biases other than zero."""
    for name, weights in network.named_parameters():
        if name.endswith(("noise_strength", "bias")):
            nn.init.normal_(weights, std=0.3)
    return network


@pytest.fixture
def generator() -> StyleGan2Generator:
    torch.manual_seed(0)
    return trained(StyleGan2Generator(small(), n_classes=2))


@pytest.fixture
def latents() -> torch.Tensor:
    return torch.randn(4, 6, generator=torch.Generator().manual_seed(5))


CLASSES = torch.tensor([0, 1, 0, 1])


def count(network: nn.Module) -> int:
    return sum(values.numel() for values in network.parameters())


@pytest.mark.parametrize("n_classes", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("image_size", [16, 64])
def test_shapes(n_classes, channels, image_size):
    config = small(channels=channels, image_size=image_size)
    network = create_generator("stylegan2", config, n_classes=n_classes)
    discriminator = StyleGan2Discriminator(config, n_classes=n_classes)
    classes = torch.arange(4) % n_classes

    images = network(torch.randn(4, 6), classes)

    assert images.shape == (4, channels, image_size, image_size)
    assert network.n_layers == 2 * math.log2(image_size) - 2
    assert discriminator(images, classes).shape == (4,)


def test_parameter_counts_of_the_published_size():
    """Configuration F at 1024, RGB, 8 mapping layers, as arXiv 1912.04958, section 2 and appendix B lay it out."""
    config = StyleGan2Config(image_size=1024, channels=3, feature_maps_base=32_768, mapping_layers=8, batch_size=4)
    maps = {4 << level: min(32_768 // (4 << level), 512) for level in range(9)}
    generator = 8 * (512 * 512 + 512) + 512 * 16
    discriminator = 3 * maps[1024] + maps[1024]
    for side, width in maps.items():
        before = maps.get(side // 2, width)
        for start in [width] if side == 4 else [before, width]:
            generator += start * width * 9 + width + 1 + (512 * start + start)  # weights, bias, noise, style
        generator += width * 3 + 3 + (512 * width + width)
        if side > 4:
            discriminator += width * width * 9 + width + width * before * 9 + before + width * before
    discriminator += 513 * 512 * 9 + 512 + (512 * 16 * 512 + 512) + 512 + 1

    with torch.device("meta"):
        assert count(StyleGan2Generator(config, n_classes=1)) == generator
        assert count(StyleGan2Discriminator(config, n_classes=1)) == discriminator
    assert round(generator / 1e6, 1) == 30.4
    assert round(discriminator / 1e6, 1) == 29.0


class TestGenerator:
    def test_samples_are_exact_in_double_precision(self, generator, latents):
        single = generator.eval()(latents, CLASSES)

        double = generator.double()(latents.double(), CLASSES)

        assert double.dtype is torch.float64
        torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-4)
        alone = generator(latents[1:2].double(), CLASSES[1:2])
        torch.testing.assert_close(alone, double[1:2], rtol=1e-12, atol=1e-13)  # not a function of the batch

    def test_noise_is_constant_unless_given(self, generator, latents):
        w = generator.mapping(latents, CLASSES)
        noise = torch.randn(4, generator.noise_size)

        assert generator.noise_size == 16 + 2 * 64 + 2 * 256
        assert torch.equal(generator.synthesis(w), generator.synthesis(w))
        assert not torch.equal(generator.synthesis(w, noise=noise), generator.synthesis(w))
        stored = generator.synthesise.constant_noise[None]
        assert torch.equal(generator.synthesis(w, noise=stored), generator.synthesis(w))
        assert "synthesise.constant_noise" in generator.state_dict()

    def test_each_layer_has_its_style(self, generator, latents):
        w = generator.mapping(latents, CLASSES)
        base = generator.synthesis(w)

        for layer in range(generator.n_layers):
            other = w.clone()
            other[:, layer] += 1.0
            assert not torch.equal(generator.synthesis(other), base)
        with pytest.raises(ValueError, match=r"it must be \(B, 6, style_dim\)"):
            generator.synthesis(w[:, 1:])

    def test_the_first_styles_change_the_whole_and_the_last_only_the_finest(self, generator):
        """Mixing: the last style alone scales what the last maps become in the image."""
        torch.manual_seed(2)
        w = generator.double().mapping(torch.randn(1, 6, dtype=torch.float64), torch.tensor([0]))
        changed = w.clone()
        changed[:, -1] += 1.0

        difference = generator.synthesis(changed) - generator.synthesis(w)

        maps = {}
        generator.synthesise.to_images[-1].register_forward_pre_hook(lambda _, inputs: maps.update(last=inputs[0]))
        generator.synthesis(w)
        layer = generator.synthesise.to_images[-1]
        styles = layer.style(changed[:, -1]) - layer.style(w[:, -1])
        weight = layer.convolution.weight[:, :, 0, 0] * layer.convolution.scale
        expected = torch.einsum("oi,bi,bihw->bohw", weight, styles, maps["last"])
        torch.testing.assert_close(difference, expected, rtol=1e-9, atol=1e-12)

    def test_truncation(self, generator, latents):
        generator.follow_w(torch.linspace(-1, 1, 8), decay=0.0)
        w = generator.mapping(latents, CLASSES)

        half = generator.mapping(latents, CLASSES, truncation=0.5)
        none = generator(latents, CLASSES, truncation=0.0)

        assert generator.supports_truncation
        torch.testing.assert_close(half, (w + torch.linspace(-1, 1, 8)) / 2)
        assert torch.equal(generator.mapping(latents, CLASSES, truncation=1.0), w)
        torch.testing.assert_close(none[:1].expand(4, -1, -1, -1), none)  # the mean image for everyone
        assert not torch.allclose(generator(latents, CLASSES)[0], none[0])

    def test_mean_w_follows_and_ignores_what_is_not_finite(self, generator):
        generator.follow_w(torch.ones(8), decay=0.995)
        generator.follow_w(torch.full((8,), math.nan), decay=0.995)

        torch.testing.assert_close(generator.w_mean, torch.full((8,), 0.005))

    def test_scale_of_the_latent_does_not_matter(self, generator, latents):
        torch.testing.assert_close(
            generator.mapping(latents * 7, CLASSES), generator.mapping(latents, CLASSES), rtol=1e-4, atol=1e-5
        )

    def test_class_changes_the_image_only_when_learned_apart(self, latents):
        torch.manual_seed(1)
        apart = StyleGan2Generator(small(), n_classes=2)
        together = StyleGan2Generator(small(conditional=False), n_classes=2)
        other = 1 - CLASSES

        assert not torch.equal(apart(latents, CLASSES), apart(latents, other))
        assert torch.equal(together(latents, CLASSES), together(latents, other))

    def test_second_derivatives_as_the_path_length_needs_them(self):
        torch.manual_seed(0)
        network = trained(
            StyleGan2Generator(small(latent_dim=2, style_dim=2, feature_maps_max=4), n_classes=1)
        ).double()
        w = torch.randn(1, network.n_layers, 2, dtype=torch.float64, requires_grad=True)

        def some_pixels(styles):
            return network.synthesis(styles)[:, :, ::5, ::5]

        assert torch.autograd.gradcheck(some_pixels, (w,))
        assert torch.autograd.gradgradcheck(some_pixels, (w,))


class TestDiscriminator:
    def test_score_is_the_projection_on_the_class(self):
        torch.manual_seed(0)
        network = trained(StyleGan2Discriminator(small(), n_classes=2)).double()
        images = torch.randn(4, 1, 16, 16, dtype=torch.float64)
        features = {}
        network.score.register_forward_hook(lambda _, inputs, output: features.update(all=output))

        scores = network(images, CLASSES)

        wanted = network.map(None, CLASSES)
        expected = torch.stack([a @ b for a, b in zip(features["all"], wanted, strict=True)]) / math.sqrt(8)
        torch.testing.assert_close(scores, expected)
        assert not torch.allclose(wanted[0], wanted[1])

    def test_two_processes_score_as_one(self):
        torch.manual_seed(0)
        network = trained(StyleGan2Discriminator(small(), n_classes=2)).double()
        images, classes = torch.randn(8, 1, 16, 16, dtype=torch.float64), torch.arange(8) % 2

        whole = network(images, classes)

        for rank in (0, 1):
            part = network(images[rank::2], classes[rank::2])
            torch.testing.assert_close(part, whole[rank::2], rtol=1e-10, atol=1e-12)

    def test_a_group_of_one_has_no_deviation_map(self):
        assert StyleGan2Discriminator(small(minibatch_group=1), n_classes=1).last.weight.shape[1] == 8
        assert StyleGan2Discriminator(small(), n_classes=1).last.weight.shape[1] == 9


class TestReducedPrecision:
    def test_the_four_largest_sides_but_never_the_first(self):
        assert [side for side in (4, 8, 16, 32, 64, 128, 256) if is_reduced(side, 256)] == [32, 64, 128, 256]
        assert [side for side in (4, 8, 16) if is_reduced(side, 16)] == [8, 16]

    def test_in_training_only_and_images_stay_in_single(self, latents):
        torch.manual_seed(0)
        network = trained(StyleGan2Generator(small(precision="bfloat16", image_size=64), n_classes=2))
        kinds: list[torch.dtype] = []
        for layer in network.synthesise.convolutions:
            layer.convolution.register_forward_hook(lambda _, inputs, output: kinds.append(output[0].dtype))

        reduced = network.train()(latents, CLASSES)
        training, kinds[:] = list(kinds), []
        full = network.eval()(latents, CLASSES)

        assert training == [torch.float32] + 8 * [torch.bfloat16]
        assert set(kinds) == {torch.float32}
        assert reduced.dtype is torch.float32
        assert not torch.equal(reduced, full)
        assert float((reduced - full).abs().max()) < 0.1 * float(full.abs().max())  # 8 bits of mantissa

    def test_the_discriminator_too(self):
        torch.manual_seed(0)
        network = trained(StyleGan2Discriminator(small(precision="bfloat16", image_size=64), n_classes=2))
        images = torch.randn(4, 1, 64, 64)

        reduced, full = network.train()(images, CLASSES), network.eval()(images, CLASSES)

        assert reduced.dtype is torch.float32
        assert not torch.equal(reduced, full)
        torch.testing.assert_close(reduced, full, rtol=0.1, atol=0.1)

    def test_large_values_are_clipped(self, latents):
        torch.manual_seed(0)
        network = StyleGan2Generator(small(precision="bfloat16"), n_classes=1).train()
        network.synthesise.convolutions[-1].bias.data.fill_(1e6)
        highest: list[float] = []
        network.synthesise.convolutions[-1].register_forward_hook(
            lambda _, inputs, out: highest.append(float(out.max()))
        )

        network(latents, CLASSES)

        assert highest == [256.0]
