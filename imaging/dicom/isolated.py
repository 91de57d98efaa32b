"""Compressed pixel data is decoded in a process of its own: decoders in C can crash, or ask for all memory there is.

    python -m imaging.dicom.isolated     (started by `decode_apart`; speaks length and bytes through its pipes)

A damaged file then costs that process, which is started anew, and nobody else.
"""

import io
import os
import resource
import struct
import subprocess
import sys
import threading
import warnings
import weakref
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels import pixel_array

LENGTH = struct.Struct("<Q")
PICTURE, ERROR = b"P", b"E"
SECONDS = 60.0  # for one image; 64 megapixels of JPEG 2000 take about 10
MEMORY = 4 * 2**30  # bytes that the process may ask for: 64 megapixels take about 1 GiB


class DecodingError(Exception):
    """The pixel data could not be decoded; says how that ended, without anything of the file."""


def decode_apart(data: bytes) -> NDArray[np.integer]:
    """Stored values of the image in a DICOM file. Raises DecodingError, also when the decoder crashed or hung.

    Each thread has a decoder of its own, which ends with it.
    """
    return _child().decode(data)


class _Child:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "imaging.dicom.isolated"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders print what they find there
            cwd=Path(__file__).parents[2],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self.is_usable = True

    def decode(self, data: bytes) -> NDArray[np.integer]:
        alarm = threading.Timer(SECONDS, self._process.kill)
        alarm.start()
        try:
            assert self._process.stdin is not None  # noqa: S101
            assert self._process.stdout is not None  # noqa: S101
            _send(self._process.stdin, data)
            answer = _receive(self._process.stdout)
        except (OSError, EOFError) as error:
            self.is_usable = False
            self._process.kill()
            raise DecodingError(f"the decoder ended with {self._process.wait()}") from error
        finally:
            alarm.cancel()
        if answer[:1] == ERROR:
            raise DecodingError(answer[1:].decode())
        found: NDArray[np.integer] = np.load(io.BytesIO(answer[1:]), allow_pickle=False)
        return found

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class _OfThread(threading.local):
    child: _Child | None = None


_OF_THREAD = _OfThread()


def _child() -> _Child:
    if _OF_THREAD.child is None or not _OF_THREAD.child.is_usable:
        _OF_THREAD.child = child = _Child()
        weakref.finalize(threading.current_thread(), child.end)  # at the end of the program, too
    return _OF_THREAD.child


def _send(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    (length,) = LENGTH.unpack(head)
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data


def serve() -> None:
    """Decode what comes until the pipe is closed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what decoders print must not get between the answers
    while True:
        try:
            data = _receive(sys.stdin.buffer)
        except EOFError:
            return
        try:
            values = io.BytesIO()
            np.save(values, pixel_array(dcmread(io.BytesIO(data)), raw=True), allow_pickle=False)
            answer = PICTURE + values.getvalue()
        except Exception as error:  # decoders raise nearly anything on damaged input
            answer = ERROR + type(error).__name__.encode()
        _send(out, answer)


if __name__ == "__main__":
    serve()
