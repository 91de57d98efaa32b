"""Damages DICOM files for as long as asked, and keeps what breaks the reader: anything but a picture or a DicomError.

    python -m tests.imaging.dicom.fuzz --minutes 60 --keep broken [file.dcm ...]

Each file is read in a child process, because a decoder in C may end the process. Kept files belong into a test.
"""

import argparse
import hashlib
import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

from imaging.dicom.reading import DicomError, read_dicom
from tests.imaging.dicom.builders import make_file

SLOW_S = 20  # longer than any of these small files may take
VALUES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def damage(data: bytes, draw: random.Random) -> bytes:
    """A few bytes changed, most of them in the header; sometimes cut, doubled or lengthened."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        place = draw.randrange(132, min(len(changed), 2600)) if draw.random() < 0.7 else draw.randrange(len(changed))
        changed[place] = draw.choice(VALUES) if draw.random() < 0.5 else draw.randrange(256)
    how = draw.random()
    if how < 0.1:
        del changed[draw.randrange(132, len(changed)) :]
    elif how < 0.15:
        begin = draw.randrange(132, len(changed))
        changed[begin:begin] = changed[begin : begin + draw.randrange(1, 200)]
    return bytes(changed)


def serve(pipe: Connection) -> None:
    """Read what comes; answer "" or what went wrong."""
    while True:
        try:
            read_dicom(pipe.recv_bytes(), max_pixels=4_000_000)
        except DicomError:
            pipe.send("")
        except EOFError:
            return
        except BaseException as error:
            pipe.send(f"{type(error).__name__}: {error}"[:300])
        else:
            pipe.send("")


class Child:
    def __init__(self) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
        self.process.start()
        theirs.close()

    def read(self, data: bytes) -> str:
        try:
            self.pipe.send_bytes(data)
            if not self.pipe.poll(SLOW_S):
                self.process.kill()
                return f"more than {SLOW_S} s"
            return str(self.pipe.recv())
        except (EOFError, OSError):
            self.process.join()
            return f"the process ended ({self.process.exitcode})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--keep", type=Path, default=Path("broken"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seeds = [path.read_bytes() for path in options.files] or [make_file(), make_file(WindowCenter=9, WindowWidth=99)]
    draw, child, count, found = random.Random(options.seed), Child(), 0, 0
    end = time.monotonic() + 60 * options.minutes
    while time.monotonic() < end:
        data = damage(draw.choice(seeds), draw)
        wrong = child.read(data)
        count += 1
        if wrong:
            found += 1
            options.keep.mkdir(parents=True, exist_ok=True)
            name = hashlib.sha256(data).hexdigest()[:12]
            (options.keep / f"{name}.dcm").write_bytes(data)
            print(f"{name}.dcm: {wrong}", flush=True)  # noqa: T201
            if not child.process.is_alive():
                child = Child()
    print(f"{count:,} damaged files read, {found} of them broke the reader")  # noqa: T201


if __name__ == "__main__":
    main()
