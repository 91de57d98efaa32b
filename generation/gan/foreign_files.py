"""First look at a file that is said to be a generator: by its bytes alone, before anything else reads it.

Refuses what cannot be a generator and what could run code: Python pickles above all, in which form PyTorch saves by
default. What passes is loaded in a child process (`generation.gan.foreign`), never in this one.
"""

import hashlib
import json
import re
import struct
import zipfile
import zlib
from pathlib import Path

MAX_FILE_BYTES = 4 * 2**30
MAX_HEADER_BYTES = 100_000_000  # of safetensors, as the format's own library has it
MAX_RATIO = 200  # unpacked to packed, of one member of an archive
MAX_UNPACKED_EXTRA = 256 * 2**20  # unpacked bytes above the size of the archive: only its code is packed

_PICKLE_WORDS = (
    "This is a Python pickle (what torch.save makes). Opening one can run any code, so it is refused. Export the "
    "generator as TorchScript (torch.jit.trace or torch.jit.script, then torch.jit.save), as ONNX, or its weights as "
    "safetensors"
)
_MEMBERS = re.compile(
    r"code/.+\.py|code/.+\.py\.debug_pkl|data\.pkl|constants\.pkl|data/\d+|constants/\d+|tensors/\d+|version|byteorder"
    r"|\.data/(serialization_id|version)|\.format_version|\.storage_alignment|bytecode\.pkl|traced_inputs\.pkl|traced_inputs/\d+|extra/[\w.-]+"
)
_FORBIDDEN = re.compile(r"\b(from_file|torch\.save|torch\.load|torch\.jit|_jit_|load_library|rpc_\w+)\b")
_OPS = re.compile(r"\bops\.(\w+)\.")
_OPS_ALLOWED = {"aten", "prim"}


class ForeignError(ValueError):
    """A generator from elsewhere that cannot be used; the text says why and what to do."""


def check_file(path: Path, *, format: str) -> None:  # noqa: A002  the word everywhere
    """Raises ForeignError unless `path` looks like a whole file of `format` ("torchscript", "onnx", "safetensors")."""
    size = path.stat().st_size
    if size == 0:
        raise ForeignError("The file is empty (0 bytes). Export the generator again")
    if size > MAX_FILE_BYTES:
        raise ForeignError(f"The file has {size / 2**30:.1f} GiB; {MAX_FILE_BYTES / 2**30:g} GiB are allowed")
    with path.open("rb") as file:
        head = file.read(16)
    if head[:1] == b"\x80":
        raise ForeignError(_PICKLE_WORDS)
    if head[:2] == b"PK":
        _check_archive(path, format)
    elif format == "torchscript":
        raise ForeignError("This is not a TorchScript file, which is a ZIP archive. Save it with torch.jit.save")
    elif format == "safetensors":
        _check_safetensors(path, size)
    elif head[:1] != b"\x08":  # field 1 of the message, ir_version
        raise ForeignError("This is not an ONNX file. Export the generator with torch.onnx.export or a similar tool")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_archive(path: Path, format: str) -> None:  # noqa: A002
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename.partition("/")[2] for member in members]
            if not any(name.startswith("code/") for name in names):
                if any(name == "data.pkl" for name in names):
                    raise ForeignError(_PICKLE_WORDS)
                raise ForeignError("This is a ZIP archive, but not one of TorchScript. Give the generator's own file")
            if format != "torchscript":
                raise ForeignError(f"This is a TorchScript file, not {format}. Choose TorchScript as its format")
            _check_sizes(members, path.stat().st_size)
            for member, name in zip(members, names, strict=True):
                if not _MEMBERS.fullmatch(name):
                    raise ForeignError(
                        f"The archive holds “{member.filename[:100]}”, which is no part of TorchScript. "
                        "Save the generator with torch.jit.save and nothing else"
                    )
                if name.endswith(".py"):
                    _check_code(name, archive.read(member).decode("utf-8", "replace"))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise ForeignError(f"The file is damaged or cut off ({error}). Copy it again") from error


def _check_sizes(members: list[zipfile.ZipInfo], size: int) -> None:
    for member in members:
        if member.file_size > 2**20 and member.file_size > MAX_RATIO * max(1, member.compress_size):
            raise ForeignError(
                f"“{member.filename[:100]}” unpacks to more than {MAX_RATIO} times its packed size: this is a ZIP "
                "bomb, not a generator"
            )
    unpacked = sum(member.file_size for member in members)
    if unpacked > size + MAX_UNPACKED_EXTRA:
        raise ForeignError(
            f"The archive of {size / 2**20:.0f} MiB unpacks to {unpacked / 2**20:.0f} MiB: this is a ZIP bomb, "
            "not a generator"
        )


def _check_code(name: str, code: str) -> None:
    """TorchScript cannot reach Python, but some of its operations reach files, the network, or libraries."""
    found = _FORBIDDEN.search(code)
    if found:
        raise ForeignError(f"Its code ({name}) uses “{found[0]}”, which a generator does not need. It is refused")
    unknown = sorted(set(_OPS.findall(code)) - _OPS_ALLOWED)
    if unknown:
        raise ForeignError(
            f"Its code ({name}) uses operations of its own ({', '.join(unknown)}), which are not installed here. "
            "Export it with ordinary PyTorch operations"
        )


def _check_safetensors(path: Path, size: int) -> None:
    with path.open("rb") as file:
        head = file.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else MAX_HEADER_BYTES + 1
        text = file.read(length) if length <= min(MAX_HEADER_BYTES, size) else b""
    try:
        header = json.loads(text)
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        end = max(ends, default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ForeignError(
            "This is not a safetensors file. Save the weights with safetensors.torch.save_file"
        ) from error
    if 8 + length + end != size:
        raise ForeignError(
            f"The file is damaged or cut off: its header tells of {8 + length + end:,} bytes, it has {size:,}. "
            "Copy it again"
        )
