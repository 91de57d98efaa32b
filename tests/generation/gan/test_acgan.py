"""The networks have the published layout."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from generation.gan.acgan import AcganDiscriminator, AcganGenerator, Dropout
from generation.gan.config import AcganConfig


def count(network: nn.Module) -> int:
    return sum(values.numel() for values in network.parameters())


@pytest.mark.parametrize("n_classes", [1, 2, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(small_config, n_classes, channels):
    config = AcganConfig.from_dict({**small_config.to_dict(), "channels": channels})
    generator = AcganGenerator(config, n_classes=n_classes)
    discriminator = AcganDiscriminator(config, n_classes=n_classes)
    classes = torch.arange(6) % n_classes

    images = generator(torch.randn(6, config.latent_dim), classes)
    source, predicted = discriminator(images)

    assert images.shape == (6, channels, 56, 56)
    assert float(images.detach().abs().max()) <= 1.0
    assert source.shape == (6,)
    assert predicted.shape == (6, n_classes)


def test_generator_layout_and_parameter_count():
    generator = AcganGenerator(AcganConfig(), n_classes=2)
    ups = [module for module in generator.modules() if isinstance(module, nn.ConvTranspose2d)]

    assert [(up.kernel_size, up.stride) for up in ups] == [((5, 5), (2, 2))] * 3
    assert [(up.in_channels, up.out_channels) for up in ups] == [(385, 192), (192, 96), (96, 1)]
    assert sum(isinstance(module, nn.BatchNorm2d) for module in generator.modules()) == 2
    assert generator.embedding.weight.shape == (2, 50)
    assert generator.latent.in_features == 100
    dense = 100 * 384 * 49 + 384 * 49
    class_map = 2 * 50 + 50 * 49 + 49
    transposed = 385 * 192 * 25 + 192 * 96 * 25 + 96 * 1 * 25 + 1
    norms = 2 * 192 + 2 * 96
    assert count(generator) == dense + class_map + transposed + norms


def test_each_transposed_convolution_doubles_the_side():
    generator = AcganGenerator(AcganConfig(generator_channels=(4, 4, 4)), n_classes=1)
    maps = torch.zeros(1, 5, 7, 7)

    sides = []
    for up in (generator.up1, generator.up2, generator.up3):
        maps = up(maps)
        sides.append(tuple(maps.shape[2:]))

    assert sides == [(14, 14), (28, 28), (56, 56)]


def test_discriminator_layout_and_parameter_count():
    discriminator = AcganDiscriminator(AcganConfig(), n_classes=2)
    kinds = [type(module) for module in discriminator.features]
    convolutions = [module for module in discriminator.features if isinstance(module, nn.Conv2d)]
    slopes = [module.negative_slope for module in discriminator.features if isinstance(module, nn.LeakyReLU)]

    assert [(layer.kernel_size, layer.stride) for layer in convolutions] == [((3, 3), (2, 2))] * 4
    assert slopes == [0.2] * 4
    assert sum(issubclass(kind, nn.BatchNorm2d) for kind in kinds) == 4
    assert kinds.count(Dropout) == 3
    assert kinds.index(nn.Flatten) - 1 == len(kinds) - 2
    assert kinds[-2] is nn.LeakyReLU  # no dropout after the last convolution
    widths = [1, 32, 64, 128, 256]
    convolved = sum(9 * first * second for first, second in pairwise(widths))
    assert count(discriminator) == convolved + 2 * sum(widths[1:]) + (256 * 16 + 1) + (256 * 16 * 2 + 2)


def test_published_heads_are_sigmoid_and_softmax_of_the_logits(small_config):
    discriminator = AcganDiscriminator(small_config, n_classes=3).eval()
    images = torch.rand(4, 1, 56, 56)

    source, classes = discriminator(images)

    assert torch.allclose(discriminator.source_probability(images), 1 / (1 + torch.exp(-source)))
    probabilities = discriminator.class_probabilities(images)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(4))
    assert torch.equal(probabilities.argmax(1), classes.argmax(1))


def test_weights_start_with_the_set_deviation():
    torch.manual_seed(0)
    generator = AcganGenerator(AcganConfig(weight_init_std=0.05), n_classes=2)

    assert float(generator.up1.weight.detach().std()) == pytest.approx(0.05, rel=0.01)
    assert float(generator.latent.weight.detach().std()) == pytest.approx(0.05, rel=0.01)
    assert float(generator.latent.bias.detach().abs().max()) == 0.0


def test_the_class_changes_the_image(small_config):
    torch.manual_seed(1)
    generator = AcganGenerator(small_config, n_classes=2).eval()
    latents = torch.randn(1, small_config.latent_dim)

    assert not torch.equal(generator(latents, torch.tensor([0])), generator(latents, torch.tensor([1])))


class TestDropout:
    @pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
    def test_drops_the_share_and_keeps_the_mean(self, probability):
        torch.manual_seed(0)
        maps = torch.ones(8, 16, 32, 32)

        dropped = Dropout(probability).train()(maps)

        assert float((dropped == 0).float().mean()) == pytest.approx(probability, abs=0.01)
        assert float(dropped.mean()) == pytest.approx(1.0, abs=0.05)
        assert dropped.unique().numel() == 2

    def test_draws_anew_each_time_and_does_nothing_in_evaluation(self):
        torch.manual_seed(0)
        layer = Dropout(0.5).train()
        maps = torch.ones(1, 3, 5, 7)

        assert not torch.equal(layer(maps), layer(maps))
        assert torch.equal(layer.eval()(maps), maps)

    def test_neighbouring_elements_are_independent(self):
        torch.manual_seed(0)

        kept = (Dropout(0.5).train()(torch.ones(4, 64, 32, 32)) != 0).float().permute(0, 2, 3, 1).flatten()

        for lag in (1, 2, 3, 4, 64):
            both = float((kept[:-lag] * kept[lag:]).mean())
            assert both == pytest.approx(0.25, abs=0.005)

    def test_gradient_passes_where_kept(self):
        torch.manual_seed(0)
        maps = torch.ones(1, 2, 4, 4, requires_grad=True)

        dropped = Dropout(0.5).train()(maps)
        dropped.sum().backward()

        assert torch.equal(maps.grad, dropped.detach())
