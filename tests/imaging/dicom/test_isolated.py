"""Compressed pixel data in a process of its own: the same values, and a decoder that dies costs one file."""

import gc
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydicom.uid import RLELossless

from imaging.dicom import isolated
from imaging.dicom.isolated import DecodingError, decode_apart
from imaging.dicom.reading import DicomError, read_dicom
from tests.imaging.dicom.builders import as_bytes, make_header, ramp


def compressed(**changes) -> bytes:
    header = make_header(**changes)
    header.compress(RLELossless)
    return as_bytes(header)


def test_the_values_are_those_that_were_compressed():
    np.testing.assert_array_equal(decode_apart(compressed()), ramp())


def test_a_decoder_that_dies_costs_one_file():
    decode_apart(compressed())
    child = isolated._OF_THREAD.child
    os.kill(child._process.pid, signal.SIGSEGV)
    child._process.wait()

    with pytest.raises(DecodingError, match="the decoder ended with -11"):
        decode_apart(compressed())

    np.testing.assert_array_equal(decode_apart(compressed()), ramp())


def test_one_that_hangs_is_ended(monkeypatch):
    decode_apart(compressed())
    child = isolated._OF_THREAD.child
    os.kill(child._process.pid, signal.SIGSTOP)
    monkeypatch.setattr(isolated, "SECONDS", 0.2)

    with pytest.raises(DecodingError, match="the decoder ended with -9"):
        decode_apart(compressed())


def test_what_cannot_be_decoded_is_said_without_anything_of_the_file():
    header = make_header()
    header.compress(RLELossless)
    header.Rows = 40  # more than there are
    with pytest.raises(DicomError, match=r"^The pixel data is damaged or cut off \(\w+\)\.$"):
        read_dicom(as_bytes(header))


def test_what_decoders_print_does_not_get_between_the_answers():
    for _ in range(3):
        with pytest.raises(DecodingError):
            decode_apart(b"\0" * 128 + b"DICM" + bytes(40))
        np.testing.assert_array_equal(decode_apart(compressed()), ramp())


def test_each_thread_has_a_decoder_of_its_own_that_ends_with_it():
    decode_apart(compressed())
    children = [isolated._OF_THREAD.child]

    def decode_in_thread():
        np.testing.assert_array_equal(decode_apart(compressed()), ramp())
        children.append(isolated._OF_THREAD.child)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(decode_in_thread).result(timeout=60)
    del pool
    gc.collect()

    own, other = children
    assert other is not own
    assert other._process.wait(timeout=30) == -signal.SIGKILL
    assert own._process.poll() is None
