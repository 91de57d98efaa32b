"""Files and texts that attackers send."""

import gzip
import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image as PillowImage
from PIL import PngImagePlugin

from tests.imaging.archives import encoded, grey

SCRIPT = "<script>alert('owned')</script>"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">{SCRIPT}</svg>'.encode()
HTML = f"<!doctype html><html><body>{SCRIPT}</body></html>".encode()
ACTIVE = b"<script", b"onload", b"GIFAR", b"PK\x03\x04"  # nothing of it may come back out


def zipped(files: dict[str, bytes], *, packed: bool = True) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def png_with_script(seed: int) -> bytes:
    """A good picture whose texts, profile and trailing bytes hold a page: sniffed as HTML, it would run."""
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", SCRIPT)
    about.add_text("Title", SCRIPT, zip=True)
    buffer = io.BytesIO()
    PillowImage.fromarray(grey(seed)).save(buffer, format="PNG", pnginfo=about)
    return buffer.getvalue() + HTML


def png_and_zip(seed: int) -> bytes:
    """A picture that is also an archive: read from its end, it is one with a file that leads out of it."""
    return encoded(grey(seed)) + zipped({"../../owned.png": encoded(grey(seed + 1))})


def gifar(seed: int) -> bytes:
    """A GIF with an archive behind it, as browsers' plug-ins once ran."""
    buffer = io.BytesIO()
    PillowImage.fromarray(grey(seed)).save(buffer, format="GIF")
    return buffer.getvalue() + zipped({"GIFAR.class": b"\xca\xfe\xba\xbe"})


def jpeg_with_script(seed: int) -> bytes:
    return encoded(grey(seed), "JPEG", quality=90, comment=SCRIPT.encode()) + HTML


def png_bomb(side: int = 30_000) -> bytes:
    """A PNG of side x side pixels, all black: under a MB packed, 900 MB unpacked."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(side + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A small picture with a compressed text of 500 MB in it."""
    good = encoded(grey(5))
    data = b"Comment\x00\x00" + zlib.compress(bytes(500 * 2**20), 9)
    chunk = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    return good[:33] + chunk + good[33:]


def overlapping_zip(n: int = 200, size: int = 2**20) -> bytes:
    """Fifield's kind of bomb: many entries of the directory point at one and the same packed bytes."""
    one = zipped({"a/000.png": bytes(size)})
    start = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    entry = one[start:end]
    entries = b"".join(entry.replace(b"a/000.png", f"a/{i:03}.png".encode()) for i in range(n))
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, n, n, len(entries), start, 0)
    return one[:start] + entries + tail


def nested_zip(depth: int = 6) -> bytes:
    data = zipped({"a/0.png": bytes(10 * 2**20)})
    for _ in range(depth):
        data = zipped({f"a/{i}.zip": data for i in range(4)})
    return data


def npz_of_huge_shape() -> bytes:
    """Arrays whose headers promise 2**60 bytes, with none behind them."""
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1073741824, 32768, 32768), }".ljust(117) + "\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    labels = io.BytesIO()
    np.save(labels, np.zeros((4, 1), np.uint8))
    return zipped({"train_images.npy": array, "train_labels.npy": labels.getvalue()})


def npz_of_objects() -> bytes:
    """An array of Python objects: to read it is to run what it says."""
    images = io.BytesIO()
    np.save(images, np.array([Exploit()], dtype=object), allow_pickle=True)
    return zipped({"train_images.npy": images.getvalue(), "train_labels.npy": images.getvalue()})


class Exploit:
    """Unpickled, it raises what no refusal is made of."""

    def __reduce__(self) -> tuple:
        return (_owned, ())


def _owned() -> None:
    raise SystemExit("a pickle was opened")


def gzip_bomb(size: int = 200 * 2**20) -> bytes:
    return gzip.compress(bytes(size), 9)
