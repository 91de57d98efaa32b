"""Which images are taken: by the blocks alone, however often the job was broken off between them."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.gan.sampling import BLOCK_SIZE
from generation.sample_selection import Selection, Taken


def sha256(picture: np.integer) -> str:
    return hashlib.sha256(str(picture).encode()).hexdigest()


@given(
    wanted=st.lists(st.integers(0, 20), min_size=2, max_size=2).filter(any),
    seed=st.integers(0, 2**32 - 1),
    pictures=st.integers(1, 60),  # different ones: repeats are common
    stops=st.sets(st.integers(0, 5)),
)
def test_stopped_anywhere_it_selects_the_same(wanted, seed, pictures, stops):
    blocks = np.random.default_rng(seed).integers(0, pictures, size=(6, BLOCK_SIZE))

    def select(stops: set[int]) -> tuple[list[Taken], Selection]:
        selection, taken, done = Selection(wanted), [], 0
        for class_index in range(2):
            while not selection.is_complete(class_index) and selection.blocks[class_index] < 3:
                if done in stops:
                    stops = stops - {done}
                    selection = Selection(wanted)
                    selection.go_on_after(reversed(taken))
                    continue
                block = selection.blocks[class_index]
                hashes = [sha256(one) for one in blocks[3 * class_index + block]]
                taken += selection.take(class_index=class_index, block=block, sha256=hashes)
                done += 1
            if not selection.is_complete(class_index):
                break  # collapsed: the next class is never begun
        return taken, selection

    taken, undisturbed = select(set())
    again, resumed = select(stops)

    assert again == taken
    assert len({one.sha256 for one in taken}) == len(taken) == undisturbed.total
    assert resumed.found == undisturbed.found
    assert resumed.repeats == undisturbed.repeats


def test_a_block_out_of_order_is_refused():
    with pytest.raises(ValueError, match="Block 1 of class 0 comes after block -1"):
        Selection([5]).take(class_index=0, block=1, sha256=[])
