"""Generators from elsewhere in real child processes: what they draw, what they may not do, what is said of bad ones."""

from pathlib import Path

import numpy as np
import pytest
import torch

from generation.gan import foreign
from generation.gan.foreign import ForeignGenerator, ForeignProcess, Limits, try_generator
from generation.gan.foreign_files import ForeignError
from generation.gan.foreign_settings import Declaration
from tests.generation.gan.foreign_networks import (
    Greedy,
    Noisy,
    NotANumber,
    Small,
    Wide,
    onnx_file,
    torchscript,
)

QUICK = Limits(memory_bytes=2 * 2**30, cpu_seconds=120, load_seconds=120, answer_seconds=60, threads=1)


def declared(**values) -> Declaration:
    return Declaration(**{"format": "torchscript", "classes": ("normal",), "latent_dim": 16, **values})


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> Path:
    return torchscript(tmp_path_factory.mktemp("networks"), Small())


class TestDrawing:
    def test_torchscript_makes_what_the_network_makes(self, script):
        with ForeignProcess(script, declared(), QUICK) as process:
            generator = ForeignGenerator(process)
            block = generator.draw_block(seed=3, class_index=0, block=2)
            again = generator.draw_block(seed=3, class_index=0, block=2)
            latents = generator.latents(seed=3, class_index=0, block=2)

        with torch.no_grad():
            wanted = Small()(torch.from_numpy(latents))[:, 0].double().numpy()
        assert block.shape == (32, 28, 28)
        assert np.abs(block.astype(int) - np.round((wanted + 1) * 127.5)).max() <= 1
        assert np.array_equal(block, again)
        assert len({image.tobytes() for image in block}) == 32

    def test_classes_as_an_index(self, tmp_path):
        path = torchscript(tmp_path, Small(classes=2))

        trial = try_generator(path, declared(classes=("a", "b"), class_input="index"), columns=3, limits=QUICK)

        assert trial.images.shape == (2, 3, 28, 28)
        assert not np.array_equal(trial.images[0], trial.images[1])
        assert (trial.side, trial.difference, trial.notes[:1]) == (28, 0, trial.notes[:1])

    def test_onnx_with_uniform_latents(self, tmp_path):
        declaration = declared(format="onnx", latent="uniform")

        with ForeignProcess(onnx_file(tmp_path), declaration, QUICK) as process:
            generator = ForeignGenerator(process)
            block = generator.draw_block(seed=3, class_index=0, block=0)
            latents = generator.latents(seed=3, class_index=0, block=0)

        weights = np.random.default_rng(0).normal(size=(16, 64)).astype(np.float32)
        wanted = np.round((np.tanh(latents @ weights).reshape(32, 8, 8) + 1) * 127.5)
        assert np.abs(block - wanted).max() <= 1
        assert -1 <= latents.min() < -0.9 < 0.9 < latents.max() <= 1

    def test_noise_of_its_own_is_the_same_when_the_block_is_drawn_again(self, tmp_path):
        path = torchscript(tmp_path, Noisy())
        blocks = []
        for _ in range(2):
            with ForeignProcess(path, declared(), QUICK) as process:
                generator = ForeignGenerator(process)
                blocks.append([generator.draw_block(seed=3, class_index=0, block=number) for number in (0, 1)])

        assert np.array_equal(blocks[0][1], blocks[1][1])
        assert not np.array_equal(blocks[0][0], blocks[0][1])


class TestBadOnes:
    """Each says in words what is wrong."""

    @pytest.mark.parametrize(
        ("network", "values", "words"),
        [
            (NotANumber, {}, "It makes values that are not numbers"),
            (Greedy, {}, "more memory|memory|allocate"),
            (Wide, {}, r"It makes images of shape \(1, 28, 20\)"),
            (Small, {"latent_dim": 12}, "The generator could not be run"),
            (Small, {"channels": 3}, r"It makes images of shape \(1, 28, 28\) .*; declared are 3 channels"),
            (Small, {"value_range": "0..1"}, "declared is 0 to 1. Choose the right range"),
            (Small, {"value_range": "0..255"}, "All its images are of one grey level"),
        ],
    )
    def test_what_is_not_as_declared(self, tmp_path, network, values, words):
        path = torchscript(tmp_path, network())

        with pytest.raises(ForeignError, match=words):
            try_generator(path, declared(**values), limits=QUICK)

    def test_a_file_that_only_looks_right(self, tmp_path, script):
        content = bytearray(script.read_bytes())
        start = content.index(b"data.pkl") + 40
        content[start : start + 200] = b"\xff" * 200
        (tmp_path / "damaged.pt").write_bytes(content)

        with pytest.raises(ForeignError, match=r"could not be loaded|process ended|damaged"):
            ForeignProcess(tmp_path / "damaged.pt", declared(), QUICK)

    def test_onnx_that_is_not_one(self, tmp_path):
        (tmp_path / "half.onnx").write_bytes(onnx_file(tmp_path).read_bytes()[:200])

        with pytest.raises(ForeignError, match="could not be loaded"):
            ForeignProcess(tmp_path / "half.onnx", declared(format="onnx"), QUICK)

    def test_one_that_takes_too_long(self, script):
        with pytest.raises(ForeignError, match="gave no answer within 0 s and was stopped"):
            ForeignProcess(script, declared(), Limits(load_seconds=0.01))


class TestIsolation:
    @pytest.fixture
    def child(self, script, monkeypatch):
        monkeypatch.setenv("SECRET_KEY", "must not be seen")
        with ForeignProcess(script, declared(), QUICK) as process:
            yield process

    def test_environment_folder_input_limits_and_network(self, child):
        proc = Path(f"/proc/{child._process.pid}")
        if not proc.exists():
            pytest.skip("no /proc on this system")
        environment = (proc / "environ").read_bytes()
        limits = (proc / "limits").read_text()
        folder = (proc / "cwd").readlink()

        assert b"SECRET_KEY" not in environment
        assert (proc / "fd/0").readlink() == Path("/dev/null")
        assert folder.name.startswith("foreign-")
        assert not list(folder.iterdir())
        rows = {line[:25].strip(): line[25:].split()[:2] for line in limits.splitlines()}
        assert rows["Max file size"] == ["0", "0"]
        assert rows["Max open files"] == ["64", "64"]
        assert int(rows["Max cpu time"][0]) < 300
        assert int(rows["Max address space"][0]) < 2**40
        same_network = (proc / "ns/net").readlink() == Path("/proc/self/ns/net").readlink()
        assert child.has_network is same_network

    def test_it_ends_and_its_folder_goes(self, script):
        with ForeignProcess(script, declared(), QUICK) as process:
            folder = Path(process._folder.name)
        assert process._process.poll() is not None
        assert not folder.exists()

    def test_no_child_is_left_after_a_refusal(self, tmp_path, monkeypatch):
        started = []
        real = foreign.subprocess.Popen

        def note(*arguments, **values):
            started.append(real(*arguments, **values))
            return started[-1]

        monkeypatch.setattr(foreign.subprocess, "Popen", note)
        with pytest.raises(ForeignError, match="could not be run"):
            try_generator(torchscript(tmp_path, Small()), declared(latent_dim=3), limits=QUICK)

        assert [process.poll() is not None for process in started] == [True]
