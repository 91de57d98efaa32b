"""The draw: nobody picks, and the same seed draws the same."""

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from turing.drawing import LARGEST_SEED, DrawnImage, Supply, draw_study, new_seed, places_of, share_repeats
from turing.errors import StudyError
from turing.models import TrialOrder
from turing.ordering import draw_order

REAL = [f"{index:064x}" for index in range(20)]
SYNTHETIC = [f"{index:064x}" for index in range(100, 130)]


def supply(**changes):
    return Supply(**{"real": REAL, "synthetic": SYNTHETIC, "n_real": 5, "n_synthetic": 8, **changes})


def draw(*, seed=3, **changes):
    """A plain study of one phase."""
    return draw_study([supply(**changes)], seed=seed)


def hashes(trial):
    return [sha256 for sha256 in (trial.image.pixel_sha256, trial.image.right_sha256) if sha256]


@st.composite
def studies(draw):
    """Arguments of `draw_study` that a draft can have. Phases draw from stretches of the same images."""
    pairs = draw(st.booleans())
    supplies = []
    for _ in range(draw(st.integers(1, 3))):
        n_real = draw(st.integers(1, 12))
        n_synthetic = n_real if pairs else draw(st.integers(1, 12))
        start = draw(st.integers(0, 40))
        supplies.append(
            Supply(
                real=[f"r{index}" for index in range(start, start + 45)],
                synthetic=[f"s{index}" for index in range(60 - start, 105 - start)],
                n_real=n_real,
                n_synthetic=n_synthetic,
            )
        )
    n_trials = sum(one.n_real + (0 if pairs else one.n_synthetic) for one in supplies)
    order = draw(st.sampled_from(TrialOrder.values))
    return {
        "supplies": supplies,
        "seed": draw(st.integers(0, LARGEST_SEED)),
        "pairs": pairs,
        "n_practice": draw(st.integers(0, 5)),
        "n_repeats": draw(st.integers(0, n_trials // 2)),
        "order": order,
        "block_size": draw(st.integers(2, 12)) if order == TrialOrder.BLOCKS else 0,
    }


def drawn_or_assume(study):
    """Phases of one pair leave no room for repeats; that is refused, and tested below."""
    try:
        return draw_study(study["supplies"], **{name: value for name, value in study.items() if name != "supplies"})
    except StudyError as error:
        assert "repeats" in str(error)  # noqa: PT017
        assume(False)
        raise


@settings(deadline=None, max_examples=150)
@given(study=studies())
def test_every_study_has_what_was_asked_for(study):
    trials = drawn_or_assume(study)
    supplies, pairs = study["supplies"], study["pairs"]

    assert [trial.position for trial in trials] == list(range(1, len(trials) + 1))
    originals = [trial for trial in trials if trial.repeat_of is None]
    shown = [sha256 for trial in originals for sha256 in hashes(trial)]
    assert len(set(shown)) == len(shown)  # no image in two trials, two phases, or in practice and test
    for trial in trials:
        one = supplies[trial.phase - 1]
        left, right = (one.real, one.synthetic) if trial.image.origin == "real" else (one.synthetic, one.real)
        assert trial.image.pixel_sha256 in left
        assert (trial.image.right_sha256 in right) if pairs else (trial.image.right_sha256 == "")
    for phase, one in enumerate(supplies, start=1):
        own = Counter(t.image.origin for t in originals if t.phase == phase and not t.is_practice)
        if pairs:
            assert own.total() == one.n_real
            assert abs(own["real"] - own["synthetic"]) <= 1  # sides
        else:
            assert own == {"real": one.n_real, "synthetic": one.n_synthetic}
    practice = [trial for trial in trials if trial.is_practice]
    assert len(practice) == study["n_practice"]
    assert all(trial.phase == 1 and trial.block == 0 for trial in practice)
    if not pairs:
        assert sum(trial.image.origin == "real" for trial in practice) == (study["n_practice"] + 1) // 2


@settings(deadline=None, max_examples=150)
@given(study=studies())
def test_repeats_show_the_same_in_the_same_phase_and_another_block(study):
    trials = drawn_or_assume(study)

    by_position = {trial.position: trial for trial in trials}
    repeats = [trial for trial in trials if trial.repeat_of is not None]
    assert len(repeats) == study["n_repeats"]
    assert len({trial.repeat_of for trial in repeats}) == len(repeats)
    for repeat in repeats:
        original = by_position[repeat.repeat_of]
        assert (original.image, original.phase, original.repeat_of) == (repeat.image, repeat.phase, None)
        assert not original.is_practice
        n_blocks = max(trial.block for trial in trials if trial.phase == repeat.phase)
        if n_blocks > 1:
            assert repeat.block != original.block
    real = sum(trial.image.origin == "real" for trial in repeats)
    kinds = Counter((t.phase, t.image.origin) for t in trials if t.repeat_of is None and not t.is_practice)
    if min(kinds.values()) >= len(repeats) and len(kinds) == 2 * len(study["supplies"]):
        assert abs(2 * real - len(repeats)) <= 1


@settings(deadline=None, max_examples=150)
@given(study=studies())
def test_blocks_have_equal_shares(study):
    trials = drawn_or_assume(study)

    tests = [trial for trial in trials if not trial.is_practice]
    if study["order"] != TrialOrder.BLOCKS:
        assert {trial.block for trial in tests} == {0}
        return
    for phase in range(1, len(study["supplies"]) + 1):
        own = [trial for trial in tests if trial.phase == phase and trial.repeat_of is None]
        blocks = sorted({trial.block for trial in own})
        assert blocks == list(range(1, len(blocks) + 1))
        assert len(blocks) == max(int(len(own) / study["block_size"] + 0.5), 1)
        for chosen in (own, [t for t in own if t.image.origin == "real"], [t for t in own if t.image.origin != "real"]):
            sizes = [sum(trial.block == block for trial in chosen) for block in blocks]
            assert max(sizes) - min(sizes) <= 1
        together = Counter(trial.block for trial in tests if trial.phase == phase)
        assert max(together.values()) - min(together.values()) <= 2


@settings(deadline=None, max_examples=150)
@given(study=studies(), readers=st.lists(st.integers(0, 300), min_size=1, max_size=3))
def test_every_reader_has_a_lawful_order(study, readers):
    trials = drawn_or_assume(study)
    by_position = {trial.position: trial for trial in trials}
    places = places_of(trials)

    for reader in readers:
        order = draw_order(places, order=study["order"], seed=study["seed"], reader=reader)
        met = [by_position[position] for position in order]

        assert sorted(order) == sorted(by_position)
        assert [t.is_practice for t in met] == sorted((t.is_practice for t in met), reverse=True)
        assert [t.phase for t in met] == sorted(t.phase for t in met)
        assert not any(before.image == after.image for before, after in pairwise(met))
        blocks = [(t.phase, t.block) for t in met if not t.is_practice]
        entered = [block for index, block in enumerate(blocks) if index == 0 or blocks[index - 1] != block]
        assert len(entered) == len(set(entered))  # a block is read to its end
        if study["order"] == TrialOrder.SAME and reader:
            assert order == sorted(order)


@settings(deadline=None, max_examples=60)
@given(study=studies(), shuffle=st.randoms(use_true_random=False))
def test_the_same_seed_draws_the_same_whatever_the_order_of_candidates(study, shuffle):
    once = drawn_or_assume(study)
    mixed = [
        Supply(
            real=shuffle.sample(one.real, len(one.real)),
            synthetic=shuffle.sample(one.synthetic, len(one.synthetic)),
            n_real=one.n_real,
            n_synthetic=one.n_synthetic,
        )
        for one in study["supplies"]
    ]

    assert drawn_or_assume({**study, "supplies": mixed}) == once


def test_the_order_of_candidates_does_not_matter():
    shuffled = random.Random(1).sample(REAL, len(REAL))

    assert draw(real=shuffled, synthetic=list(reversed(SYNTHETIC))) == draw()


def test_another_seed_draws_another_study():
    assert draw(seed=4) != draw(seed=3)


def test_the_draw_of_a_seed_never_changes():
    """Pinned: an open study must be drawn the same by later versions (numpy 2.4, PCG64). The images of such a plain
    study are those that the program drew before it knew of anything else; their order was another one then.
    """
    drawn = draw(n_real=2, n_synthetic=2, seed=2023)

    assert {(trial.image.origin, int(trial.image.pixel_sha256, 16)) for trial in drawn} == {
        ("real", 1),
        ("synthetic", 121),
        ("real", 18),
        ("synthetic", 112),
    }
    assert [int(trial.image.pixel_sha256, 16) for trial in drawn] == [121, 18, 1, 112]


def test_a_draw_with_everything_never_changes():
    """Pinned, as above."""
    drawn = draw_study(
        [supply(n_real=3, n_synthetic=3), supply(n_real=2, n_synthetic=2)],
        seed=2023,
        pairs=True,
        n_practice=1,
        n_repeats=2,
        order=TrialOrder.BLOCKS,
        block_size=2,
    )

    described = [
        (t.phase, t.block, int(t.image.pixel_sha256, 16), int(t.image.right_sha256, 16), t.repeat_of) for t in drawn
    ]
    assert described == [
        (1, 0, 124, 17, None),
        (1, 1, 121, 1, None),
        (1, 1, 9, 101, None),
        (1, 2, 121, 1, 2),
        (1, 2, 18, 112, None),
        (2, 1, 7, 120, None),
        (2, 1, 107, 10, None),
        (2, 1, 7, 120, 6),
    ]


def test_every_candidate_and_every_place_has_the_same_chance():
    """3,000 seeds: each real image is drawn in 5 of 20 studies, and stands first as often as any other drawn one."""
    draws = [draw(seed=seed) for seed in range(3000)]

    chosen = Counter(t.image.pixel_sha256 for drawn in draws for t in drawn if t.image.origin == "real")
    first_is_real = sum(drawn[0].image.origin == "real" for drawn in draws)
    # standard deviations: sqrt(3000 * .25 * .75) = 24 and sqrt(3000 * 5/13 * 8/13) = 27
    assert all(abs(chosen[sha256] - 750) < 4 * 24 for sha256 in REAL)
    assert abs(first_is_real - 3000 * 5 / 13) < 4 * 27


def test_the_side_of_a_pair_is_a_matter_of_chance():
    """1,000 seeds of three pairs: each side is as likely, for every image."""
    draws = [draw_study([supply(n_real=3, n_synthetic=3)], seed=seed, pairs=True) for seed in range(1000)]

    shown = Counter(trial.image.origin for drawn in draws for trial in drawn)
    first = Counter(drawn[0].image.origin for drawn in draws)
    assert shown.total() == 3000
    assert abs(shown["real"] - 1500) < 4 * 16  # one of three by chance: sqrt(1000 * .25) = 16
    assert abs(first["real"] - 500) < 4 * 16


def test_too_few_images_are_refused_with_both_numbers():
    with pytest.raises(StudyError, match="Not enough real images: the study asks for 21 and 20 match the filters"):
        draw(n_real=21)


def test_too_few_images_for_the_practice_are_refused():
    with pytest.raises(StudyError, match=r"asks for 22 \(practice included: 2\) and 20 match the filters"):
        draw_study([supply(n_real=20)], seed=1, n_practice=4)


def test_too_few_images_for_two_phases_together_are_refused():
    phases = [supply(n_real=12), supply(n_real=4, real=REAL[:10]), supply(n_real=7, real=REAL[:10])]

    with pytest.raises(StudyError, match="phases 2 and 3 share candidates and ask for 11 together; 10 match"):
        draw_study(phases, seed=1)
    with pytest.raises(StudyError, match="phases 1 and 2 share candidates and ask for 22 together; 20 match"):
        draw_study([supply(n_real=12), supply(n_real=10)], seed=1)
    with pytest.raises(StudyError, match="phase 2 asks for 11 and 10 match its filters"):
        draw_study([supply(), supply(n_real=11, real=REAL[:10])], seed=1)


@pytest.mark.parametrize("seed", range(20))
def test_a_phase_leaves_what_later_ones_cannot_do_without(seed):
    """The second phase needs all ten of its candidates, which are candidates of the first as well."""
    phases = [supply(n_real=10), supply(n_real=10, real=REAL[:10])]

    drawn = draw_study(phases, seed=seed)

    second = {t.image.pixel_sha256 for t in drawn if t.phase == 2 and t.image.origin == "real"}
    assert second == set(REAL[:10])


def test_a_second_session_shows_the_same_with_sides_drawn_anew():
    first = draw_study([supply(n_real=8, n_synthetic=8)], seed=1, pairs=True)
    before = [t.image for t in first]

    second = draw_study(
        [supply(n_real=8, n_synthetic=8)], seed=2, pairs=True, n_practice=2, shown_before=[before]
    )  # fmt: skip

    tests, practice = [t for t in second if not t.is_practice], [t for t in second if t.is_practice]
    assert {frozenset(hashes(t)) for t in tests} == {frozenset(hashes(t)) for t in first}
    assert [t.image for t in tests] != before
    turned = sum(t.image not in before for t in tests)
    assert 0 < turned < 8
    assert not {s for t in practice for s in hashes(t)} & {s for t in first for s in hashes(t)}


def test_a_second_session_of_single_images_draws_practice_from_the_others():
    before = [DrawnImage("real", REAL[0]), DrawnImage("synthetic", SYNTHETIC[0])]

    drawn = draw_study([supply()], seed=2, n_practice=3, shown_before=[before])

    assert {t.image for t in drawn[3:]} == set(before)
    assert [t.is_practice for t in drawn] == [True] * 3 + [False] * 2


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.data())
def test_repeats_are_shared_out_in_proportion(sizes, data):
    room = sum((size + 1) // 2 for size in sizes if size > 1)
    n_repeats = data.draw(st.integers(0, min(sum(sizes) // 2, room)))

    shares = share_repeats(sizes, n_repeats)

    assert sum(shares) == n_repeats
    for size, share in zip(sizes, shares, strict=True):
        assert share <= (size + 1) // 2
        assert share == 0 or size > 1
        if 1 not in sizes:
            assert abs(share - n_repeats * size / sum(sizes)) <= 1


@pytest.mark.parametrize(("sizes", "n_repeats"), [([10], 6), ([1, 1], 1), ([3, 3], 4)])
def test_too_many_repeats_are_refused(sizes, n_repeats):
    with pytest.raises(StudyError, match=f"Number of repeats {n_repeats} is out of range"):
        share_repeats(sizes, n_repeats)


def test_an_image_on_both_sides_is_refused():
    with pytest.raises(StudyError, match="1 image\\(s\\) with the same pixels are in the real and in the synthetic"):
        draw(synthetic=[*SYNTHETIC, REAL[4]])
    with pytest.raises(StudyError, match="are in the real and in the synthetic"):
        draw_study([supply(), supply(synthetic=[*SYNTHETIC, REAL[4]], real=REAL[5:])], seed=1)


def test_an_image_twice_is_refused():
    with pytest.raises(StudyError, match="The real dataset holds the same pixels twice"):
        draw(real=[*REAL, REAL[0]])


@pytest.mark.parametrize("seed", [-1, LARGEST_SEED + 1])
def test_seed_out_of_range_is_refused(seed):
    with pytest.raises(StudyError, match=f"Seed {seed} is out of range"):
        draw(seed=seed)


def test_new_seeds_differ_and_are_in_range():
    seeds = {new_seed() for _ in range(100)}

    assert len(seeds) == 100
    assert all(0 < seed <= LARGEST_SEED for seed in seeds)
