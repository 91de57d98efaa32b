"""Files that claim to be generators: pickles, bombs and broken ones are refused by their bytes, in words."""

import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from generation.gan import foreign_files
from generation.gan.foreign_files import ForeignError, check_file
from generation.gan.foreign_settings import Declaration
from tests.generation.gan.foreign_networks import Small, onnx_file, torchscript


class TestGoodFiles:
    def test_each_format(self, tmp_path):
        save_file(Small().state_dict(), tmp_path / "weights.safetensors")

        check_file(torchscript(tmp_path, Small()), format="torchscript")
        check_file(onnx_file(tmp_path), format="onnx")
        check_file(tmp_path / "weights.safetensors", format="safetensors")


class TestPickles:
    @pytest.mark.parametrize("format_", ["torchscript", "onnx", "safetensors"])
    def test_what_torch_save_makes(self, tmp_path, format_):
        torch.save(Small().state_dict(), tmp_path / "weights.pt")

        with pytest.raises(ForeignError, match=r"This is a Python pickle \(what torch.save makes\)"):
            check_file(tmp_path / "weights.pt", format=format_)

    def test_what_older_versions_made_and_plain_ones(self, tmp_path):
        torch.save(Small().state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
        (tmp_path / "plain.pkl").write_bytes(pickle.dumps({"a": 1}))

        for name in ("old.pth", "plain.pkl"):
            with pytest.raises(ForeignError, match="Opening one can run any code, so it is refused"):
                check_file(tmp_path / name, format="torchscript")

    def test_a_pickle_hidden_in_a_torchscript_archive(self, tmp_path):
        path = torchscript(tmp_path, Small())
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("generator/helper.pkl", pickle.dumps({"a": 1}))

        with pytest.raises(ForeignError, match=r"holds “generator/helper.pkl”, which is no part of TorchScript"):
            check_file(path, format="torchscript")


class TestBadFiles:
    def test_empty(self, tmp_path):
        (tmp_path / "empty").write_bytes(b"")

        with pytest.raises(ForeignError, match=r"The file is empty \(0 bytes\)"):
            check_file(tmp_path / "empty", format="onnx")

    def test_too_large(self, tmp_path, monkeypatch):
        monkeypatch.setattr(foreign_files, "MAX_FILE_BYTES", 1000)

        with pytest.raises(ForeignError, match="GiB are allowed"):
            check_file(torchscript(tmp_path, Small()), format="torchscript")

    def test_cut_off(self, tmp_path):
        script = torchscript(tmp_path, Small())
        script.write_bytes(script.read_bytes()[:-500])
        weights = tmp_path / "weights.safetensors"
        save_file(Small().state_dict(), weights)
        weights.write_bytes(weights.read_bytes()[:-8])

        with pytest.raises(ForeignError, match="damaged or cut off"):
            check_file(script, format="torchscript")
        with pytest.raises(ForeignError, match=r"damaged or cut off: its header tells of [\d,]+ bytes, it has"):
            check_file(weights, format="safetensors")

    @pytest.mark.parametrize(
        ("format_", "words"),
        [
            ("torchscript", "This is not a TorchScript file"),
            ("onnx", "This is not an ONNX file"),
            ("safetensors", "This is not a safetensors file"),
        ],
    )
    def test_something_else(self, tmp_path, format_, words):
        (tmp_path / "letter.txt").write_text("Dear colleagues, here is our generator.")

        with pytest.raises(ForeignError, match=words):
            check_file(tmp_path / "letter.txt", format=format_)

    def test_an_archive_of_images(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
            archive.writestr("images/1.png", b"\x89PNG")

        with pytest.raises(ForeignError, match="This is a ZIP archive, but not one of TorchScript"):
            check_file(tmp_path / "images.zip", format="torchscript")

    def test_a_zip_bomb(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb/code/__torch__.py", b"#" * 50_000_000)

        with pytest.raises(ForeignError, match="this is a ZIP bomb, not a generator"):
            check_file(tmp_path / "bomb.pt", format="torchscript")

    def test_many_small_members_that_unpack_to_much(self, tmp_path, monkeypatch):
        monkeypatch.setattr(foreign_files, "MAX_UNPACKED_EXTRA", 100_000)
        with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(10):
                archive.writestr(f"bomb/code/{number}.py", b"#" * 50_000)

        with pytest.raises(ForeignError, match="unpacks to 0 MiB: this is a ZIP bomb"):
            check_file(tmp_path / "bomb.pt", format="torchscript")

    def test_the_other_format(self, tmp_path):
        with pytest.raises(ForeignError, match="This is a TorchScript file, not onnx"):
            check_file(torchscript(tmp_path, Small()), format="onnx")


class TestCode:
    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("x = torch.from_file('/etc/passwd', size=10)", "uses “from_file”, which a generator does not need"),
            ("torch.save(x, 'y')", "uses “torch.save”"),
            ("x = ops.mine.cuda_kernel(x)", r"uses operations of its own \(mine\)"),
        ],
    )
    def test_operations_that_reach_files_or_libraries(self, tmp_path, code, words):
        with zipfile.ZipFile(tmp_path / "bad.pt", "w") as archive:
            archive.writestr("bad/code/__torch__.py", code)

        with pytest.raises(ForeignError, match=words):
            check_file(tmp_path / "bad.pt", format="torchscript")

    def test_a_real_one_that_reads_a_file(self, tmp_path):
        @torch.jit.script
        def reads(latents):
            return torch.from_file("/etc/hostname", size=4, dtype=torch.uint8) + latents.sum()

        torch.jit.save(reads, str(tmp_path / "reads.pt"))

        with pytest.raises(ForeignError, match="uses “from_file”"):
            check_file(tmp_path / "reads.pt", format="torchscript")


class TestDeclaration:
    def test_it_comes_back_from_what_is_stored(self):
        declaration = Declaration(format="onnx", classes=("a", "b"), class_input="index", latent="uniform")

        assert Declaration(**declaration.to_dict()) == declaration

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"format": "pickle"}, "format is 'pickle'; it must be one of torchscript, onnx, safetensors"),
            ({"latent_dim": 0}, "latent_dim is 0; it must be from 1 to 16384"),
            ({"latent_dim": True}, "latent_dim is True"),
            ({"classes": ()}, "classes are missing; name each class once"),
            ({"classes": ("a", "a")}, "classes are a, a; name each class once"),
            ({"classes": ("a", "b")}, "classes: 2 are named, but the generator takes no class"),
            ({"classes": (" a",)}, "classes: ' a' is not a name"),
            ({"value_range": "0..7"}, "value_range is '0..7'"),
            ({"channels": 2}, "channels is 2; it must be one of 1, 3"),
            ({"format": "safetensors"}, "config must be a JSON object"),
        ],
    )
    def test_what_cannot_be_is_refused(self, values, words):
        with pytest.raises(ValueError, match=words):
            Declaration(**{"format": "onnx", "classes": ("a",), **values})
