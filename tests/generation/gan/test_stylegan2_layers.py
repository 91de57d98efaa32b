"""Layers against their definitions: scipy for filters, the paper's equations for modulation, in double precision."""

import math

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from generation.gan.stylegan2_layers import (
    GAIN,
    Convolution,
    Dense,
    ModulatedConvolution,
    Smooth,
    minibatch_stddev,
    normalise_second_moment,
    resample,
)

F64 = torch.float64


def resample_by_definition(maps: np.ndarray, taps: np.ndarray, *, up: int, down: int, padding) -> np.ndarray:
    """Zeros inserted and padded by hand, scipy's convolution, every down-th pixel."""
    batch, channels, height, width = maps.shape
    spread = np.zeros((batch, channels, height * up, width * up))
    spread[:, :, ::up, ::up] = maps
    before, after = padding
    spread = np.pad(spread, ((0, 0), (0, 0), (max(before, 0), max(after, 0)), (max(before, 0), max(after, 0))))
    spread = spread[:, :, max(-before, 0) :, max(-before, 0) :]
    if after < 0:
        spread = spread[:, :, :after, :after]
    kernel = np.outer(taps, taps)
    return np.stack(
        [[scipy.signal.convolve2d(one, kernel, mode="valid")[::down, ::down] for one in image] for image in spread]
    )


class TestResample:
    @given(
        height=st.integers(4, 9),
        width=st.integers(4, 9),
        taps=st.integers(1, 6),
        up_down=st.sampled_from([(1, 1), (2, 1), (1, 2), (3, 1), (1, 3)]),
        padding=st.tuples(st.integers(-1, 4), st.integers(-1, 4)),
        seed=st.integers(0, 99),
    )
    @settings(max_examples=60, deadline=None)
    def test_equals_scipy(self, height, width, taps, up_down, padding, seed):
        up, down = up_down
        if min(height, width) * up + sum(padding) < taps:
            return
        random = np.random.default_rng(seed)
        maps, filter_taps = random.normal(size=(2, 3, height, width)), random.normal(size=taps)

        ours = resample(torch.from_numpy(maps), torch.from_numpy(filter_taps), up=up, down=down, padding=padding)

        theirs = resample_by_definition(maps, filter_taps, up=up, down=down, padding=padding)
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)

    @pytest.mark.parametrize(("up", "down"), [(2, 1), (1, 2)])
    def test_equals_scipy_upfirdn_when_everything_is_kept(self, up, down):
        random = np.random.default_rng(1)
        maps, taps = random.normal(size=(1, 1, 6, 7)), np.array([1.0, 3, 3, 1])

        # upfirdn puts no zeros after the last pixel and keeps the whole response
        ours = resample(torch.from_numpy(maps), torch.from_numpy(taps), up=up, down=down, padding=(3, 4 - up))

        theirs = maps[0, 0]
        for axis in (0, 1):
            theirs = scipy.signal.upfirdn(taps, theirs, up=up, down=down, axis=axis)
        np.testing.assert_allclose(ours[0, 0].numpy(), theirs, atol=1e-12)

    @pytest.mark.parametrize(
        ("up", "down", "padding"), [(1, 1, (1, 2)), (2, 1, (2, 1)), (2, 1, (0, -1)), (1, 2, (1, 1)), (1, 2, (2, -1))]
    )
    def test_first_and_second_derivatives(self, up, down, padding):
        torch.manual_seed(0)
        maps = torch.randn(2, 2, 5, 6, dtype=F64, requires_grad=True)
        taps = torch.tensor([1.0, 2.0, 4.0, 3.0], dtype=F64)

        def filtered(values):
            return resample(values, taps, up=up, down=down, padding=padding).pow(3)

        assert torch.autograd.gradcheck(filtered, (maps,))
        assert torch.autograd.gradgradcheck(filtered, (maps,))

    def test_both_at_once_are_refused(self):
        with pytest.raises(ValueError, match="up is 2 and down 2"):
            resample(torch.zeros(1, 1, 4, 4), torch.ones(2), up=2, down=2)

    def test_doubling_and_halving_keep_a_flat_image(self):
        flat = torch.full((1, 2, 8, 8), 3.0, dtype=F64)

        doubled = Smooth(up=2, padding=(2, 1), gain=4.0)(flat)
        halved = Smooth(down=2, padding=(1, 1))(flat)

        assert doubled.shape == (1, 2, 16, 16)
        assert halved.shape == (1, 2, 4, 4)
        torch.testing.assert_close(doubled[:, :, 2:-2, 2:-2], torch.full((1, 2, 12, 12), 3.0, dtype=F64))
        torch.testing.assert_close(halved[:, :, 1:-1, 1:-1], torch.full((1, 2, 2, 2), 3.0, dtype=F64))


class TestModulatedConvolution:
    @pytest.mark.parametrize("demodulate", [True, False])
    def test_equals_weights_of_each_image(self, demodulate):
        """Equations 1 to 3 of arXiv 1912.04958, section 2.2, written out."""
        torch.manual_seed(0)
        layer = ModulatedConvolution(5, 4, size=3, demodulate=demodulate).double()
        maps, styles = torch.randn(3, 5, 6, 7, dtype=F64), torch.randn(3, 5, dtype=F64)

        ours, factors = layer(maps, styles)
        ours = ours if factors is None else ours * factors

        base = layer.weight.detach() / math.sqrt(5 * 9)
        for image, style, result in zip(maps, styles, ours, strict=True):
            modulated = style[None, :, None, None] * base  # (1)
            if demodulate:
                modulated = modulated / modulated.square().sum(dim=(1, 2, 3), keepdim=True).add(1e-8).sqrt()  # (3)
            expected = functional.conv2d(image[None], modulated, padding=1)[0]
            torch.testing.assert_close(result, expected, rtol=1e-10, atol=1e-12)

    def test_demodulation_gives_outputs_of_unit_deviation(self):
        """Equation 2: of inputs that are independent with deviation 1, whatever the style."""
        torch.manual_seed(0)
        layer = ModulatedConvolution(64, 8, size=3).double()
        maps, styles = torch.randn(2, 64, 64, 64, dtype=F64), torch.rand(2, 64, dtype=F64) * 30

        values, factors = layer(maps, styles)

        deviation = (values * factors)[:, :, 1:-1, 1:-1].std(dim=(2, 3))
        assert float(deviation.min()) > 0.95
        assert float(deviation.max()) < 1.05

    def test_doubling_is_zeros_between_convolution_and_filter(self):
        torch.manual_seed(0)
        layer = ModulatedConvolution(3, 2, size=3, up=True, demodulate=False).double()
        maps, styles = torch.randn(2, 3, 5, 5, dtype=F64), torch.randn(2, 3, dtype=F64)

        ours, _ = layer(maps, styles)

        for image, style, result in zip(maps, styles, ours, strict=True):
            spread = torch.zeros(1, 3, 9, 9, dtype=F64)
            spread[0, :, ::2, ::2] = image * style[:, None, None]
            weight = layer.weight.detach() / math.sqrt(27)
            wide = functional.conv2d(spread, weight.flip(2, 3), padding=2)  # a transposed convolution turns it round
            taps = np.array([1.0, 3, 3, 1]) / 8
            expected = resample_by_definition(wide.numpy(), taps, up=1, down=1, padding=(1, 1)) * 4
            assert result.shape == (2, 10, 10)
            np.testing.assert_allclose(result.detach().numpy(), expected[0], atol=1e-12)

    def test_second_derivatives(self):
        torch.manual_seed(0)
        layer = ModulatedConvolution(2, 2, size=3, up=True).double()
        maps = torch.randn(1, 2, 3, 3, dtype=F64, requires_grad=True)
        styles = torch.randn(1, 2, dtype=F64, requires_grad=True)

        def output(maps, styles):
            values, factors = layer(maps, styles)
            return values * factors

        assert torch.autograd.gradcheck(output, (maps, styles))
        assert torch.autograd.gradgradcheck(output, (maps, styles))


class TestConvolution:
    def test_gains_in_the_weights_equal_gains_of_the_maps(self):
        torch.manual_seed(0)
        layer = Convolution(3, 4, size=3, gain=math.sqrt(0.5)).double()
        layer.bias.data.normal_()
        maps = torch.randn(2, 3, 6, 6, dtype=F64)

        plain = functional.conv2d(maps, layer.weight / math.sqrt(27), layer.bias, padding=1)
        expected = functional.leaky_relu(plain, 0.2) * math.sqrt(2) * math.sqrt(0.5)

        torch.testing.assert_close(layer(maps), expected, rtol=1e-10, atol=1e-12)

    @pytest.mark.parametrize("size", [1, 3])
    def test_halving_is_filter_convolution_and_every_second_pixel(self, size):
        torch.manual_seed(0)
        layer = Convolution(3, 4, size=size, down=True, activate=False).double()
        maps = torch.randn(2, 3, 8, 8, dtype=F64)

        taps = np.array([1.0, 3, 3, 1]) / 8
        edge = 1 + size // 2
        smooth = resample_by_definition(maps.numpy(), taps, up=1, down=1, padding=(edge, edge))
        weight = layer.weight / math.sqrt(3 * size * size)
        expected = functional.conv2d(torch.from_numpy(smooth), weight)[:, :, ::2, ::2]

        assert layer(maps).shape == (2, 4, 4, 4)
        torch.testing.assert_close(layer(maps), expected, rtol=1e-10, atol=1e-12)

    def test_limit_clips(self):
        layer = Convolution(1, 1, size=1, activate=False).double()
        layer.weight.data.fill_(1.0)

        assert layer(torch.tensor([[[[-9.0, 2.0, 9.0]]]], dtype=F64), 4.0).flatten().tolist() == [-4.0, 2.0, 4.0]


class TestDense:
    def test_a_slow_layer_computes_the_same_and_learns_slowly(self):
        torch.manual_seed(0)
        fast = Dense(6, 4, bias=1.0).double()
        slow = Dense(6, 4, bias=1.0, rate=0.01).double()
        slow.weight.data.copy_(fast.weight.data / 0.01)
        values = torch.randn(3, 6, dtype=F64)

        torch.testing.assert_close(slow(values), fast(values))
        torch.testing.assert_close(fast(torch.zeros(1, 6, dtype=F64)), torch.ones(1, 4, dtype=F64))
        for layer in (fast, slow):
            layer(values).sum().backward()
        torch.testing.assert_close(slow.weight.grad, fast.weight.grad * 0.01)

    def test_activation_keeps_the_second_moment(self):
        torch.manual_seed(0)
        values = Dense(256, 256, activate=True)(torch.randn(500, 256))

        # half of N(0, 1) passes, the other half times 0.2: (1 + 0.04) / 2, times the squared gain
        assert float(values.square().mean()) == pytest.approx(1.04 / 2 * GAIN**2, rel=0.05)


class TestMinibatchStddev:
    def test_equals_the_deviation_of_interleaved_groups(self):
        torch.manual_seed(0)
        maps = torch.randn(8, 3, 4, 4, dtype=F64)

        result = minibatch_stddev(maps, 4)

        assert torch.equal(result[:, :3], maps)
        for number in range(8):
            members = maps[[number % 2 + 2 * step for step in range(4)]].numpy()
            expected = np.sqrt(members.var(axis=0) + 1e-8).mean()
            np.testing.assert_allclose(result[number, 3].numpy(), np.full((4, 4), expected), atol=1e-12)

    def test_processes_that_take_every_second_image_see_the_same(self):
        torch.manual_seed(0)
        maps = torch.randn(8, 3, 4, 4, dtype=F64)

        whole = minibatch_stddev(maps, 4)

        for rank in (0, 1):
            torch.testing.assert_close(minibatch_stddev(maps[rank::2], 4), whole[rank::2], rtol=1e-12, atol=1e-14)

    def test_a_small_batch_is_one_group_and_an_uneven_one_is_refused(self):
        maps = torch.randn(3, 2, 4, 4)

        assert minibatch_stddev(maps, 4).shape == (3, 3, 4, 4)
        with pytest.raises(ValueError, match="batch of 3 images cannot be divided into groups of 2"):
            minibatch_stddev(maps, 2)


def test_normalised_rows_have_unit_mean_square():
    rows = normalise_second_moment(torch.tensor([[3.0, 4.0], [0.1, -0.1]], dtype=F64))

    torch.testing.assert_close(rows.square().mean(dim=1), torch.ones(2, dtype=F64), rtol=1e-5, atol=0)
    assert float(rows[0, 0] / rows[0, 1]) == pytest.approx(0.75)
