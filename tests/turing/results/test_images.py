"""Image by image: what was said of each, and the marks over it."""

import io

import numpy as np
import pytest
from django.urls import reverse
from PIL import Image as PillowImage

from config.accounts.models import User
from imaging.services import add_image, create_dataset
from imaging.storage import load_pixels
from tests.factories import UserFactory
from tests.turing.builders import make_dataset, make_open_study
from tests.turing.results.readings import in_turn, read, truthful
from turing.errors import StudyError
from turing.models import AuditEvent, TrialTruth
from turing.results.images import _marks_on, marks_heat_png, stimulus_png, study_images
from turing.services import close_study

pytestmark = pytest.mark.django_db


def other(origin):
    return "synthetic" if origin == "real" else "real"


def address(study, position=None, side=0):
    if position is None:
        return reverse("turing:study_images", args=[study.pk])
    return reverse("turing:study_image_png", args=[study.pk, position, side])


def test_what_fewest_got_right_comes_first():
    study = make_open_study(n_real=2, n_synthetic=2)
    for wrong in ((3,), (3, 2), (3, 2)):
        read(study, lambda trial, times, wrong=wrong: (other if trial.position in wrong else str)(trial.truth.origin))
    close_study(study=study, by=None)

    images = study_images(study)

    assert [(image.position, image.n_right, len(image.counted)) for image in images] == [
        (3, 0, 3),
        (2, 1, 3),
        (1, 3, 3),
        (4, 3, 3),
    ]
    assert [said.row.reader for said in images[0].said] == ["R01", "R02", "R03"]


def test_practice_is_left_out_and_a_repeat_is_with_its_picture():
    study = make_open_study(
        n_real=4,
        n_synthetic=4,
        real_dataset=make_dataset(n=6),
        synthetic_dataset=make_dataset(origin="synthetic", n=6),
        n_practice=2,
        n_repeats=2,
    )
    read(study, truthful)
    close_study(study=study, by=None)

    images = study_images(study)

    assert len(images) == 8
    assert sum(len(image.said) for image in images) == 10
    assert [said.row.is_later for image in images for said in image.said if len(image.said) == 2] == [False, True] * 2
    assert {image.position for image in images} == set(
        TrialTruth.objects.filter(trial__is_practice=False, repeat_of=None).values_list("trial__position", flat=True)
    )


def test_marks_lie_on_the_image_they_were_put_on():
    study = make_open_study(scale="pair", mark_kind="box", n_real=1, n_synthetic=1)
    marks = [
        {"image": 0, "x": 1, "y": 2, "width": 3, "height": 4},
        {"image": 1, "x": 12, "y": 6, "width": 3, "height": 8.5},
    ]
    read(study, in_turn(["right"]))
    read(study, lambda trial, times: {"value": "left", "marks": marks})
    close_study(study=study, by=None)

    (image,) = study_images(study)

    left, right = image.sides
    assert {left.origin, right.origin} == {"real", "synthetic"}
    ((on_left,), (on_right,)) = left.shapes, right.shapes
    assert (on_left.reader, on_left.colour, on_left.x, on_left.width, on_left.is_far_right) == ("R02", 2, 1, 3, False)
    assert (on_right.y, on_right.height, on_right.is_box, on_right.is_far_right) == (6, 8.5, True, True)


def test_the_picture_is_the_one_that_readers_saw(investigator_client):
    study = make_open_study(n_real=2, n_synthetic=2, scale="pair")
    close_study(study=study, by=None)
    truth = TrialTruth.objects.get(trial__position=2)

    for side, image in enumerate((truth.image, truth.right_image)):
        response = investigator_client.get(address(study, 2, side))
        assert response["Content-Type"] == "image/png"
        pixels = np.array(PillowImage.open(io.BytesIO(response.content)))
        assert np.array_equal(pixels, load_pixels(image))
    assert investigator_client.get(address(study, 9)).status_code == 404
    assert investigator_client.get(address(study, 1, 2)).status_code == 404


def test_a_study_of_16_bits_is_shown_in_8():
    datasets = {}
    for origin in ("real", "synthetic"):
        datasets[origin] = create_dataset(name=origin, origin=origin, created_by=None)
        generator = np.random.default_rng(len(origin))
        for _ in range(2):
            pixels = generator.integers(0, 4096, (16, 16), dtype=np.uint16)
            add_image(dataset=datasets[origin], pixels=pixels, label="normal")
    study = make_open_study(
        real_dataset=datasets["real"], synthetic_dataset=datasets["synthetic"], bit_depth=16, n_real=1, n_synthetic=1
    )
    close_study(study=study, by=None)

    picture = PillowImage.open(io.BytesIO(stimulus_png(study, position=1, side=0)))

    assert (picture.mode, picture.getextrema()) == ("L", (0, 255))


def test_a_single_image_has_no_right_side(investigator_client):
    study = close_study(study=make_open_study(), by=None)

    assert investigator_client.get(address(study, 1, 1)).status_code == 404


def test_nothing_before_closing(investigator_client):
    study = make_open_study()
    read(study, truthful)

    with pytest.raises(StudyError, match="is not closed"):
        study_images(study)
    with pytest.raises(StudyError, match="is not closed"):
        stimulus_png(study, position=1, side=0)
    for url in (address(study), address(study, 1)):
        response = investigator_client.get(url)
        assert response.status_code == 403
        assert b"Image 1" not in response.content
        assert response["Content-Type"].startswith("text/html")


def test_for_investigators_only(client):
    study = close_study(study=make_open_study(), by=None)
    client.force_login(UserFactory(role=User.Role.READER))

    assert [client.get(url).status_code for url in (address(study), address(study, 1))] == [403, 403]


def test_the_page_shows_marks_answers_and_escaped_comments(investigator_client):
    study = make_open_study(n_real=2, n_synthetic=2, mark_kind="point", asks_comment=True, scale="percent")
    mark = {"image": 0, "x": 3.25, "y": 4}
    said = {"rating": 80, "marks": [mark], "comment": "<script>alert(1)</script>"}
    read(study, lambda trial, times: said if trial.position == 1 else 20)
    close_study(study=study, by=None)

    every = investigator_client.get(address(study)).content.decode()
    remarked = investigator_client.get(address(study), {"show": "remarks"}).content.decode()

    assert (every.count("tr-shown-sides"), remarked.count("tr-shown-sides")) == (4, 1)
    assert 'cx="3.2"' in remarked
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in remarked
    assert "<script>alert" not in remarked
    assert 'style="' not in remarked
    assert f'src="{address(study, 1)}"' in remarked
    assert AuditEvent.objects.filter(action="results.images_viewed", object_id=str(study.pk)).count() == 2


def test_queries_do_not_grow_with_images(investigator_client, django_assert_max_num_queries):
    numbers = []
    for images, readers in ((2, 1), (8, 3)):
        study = make_open_study(n_real=images, n_synthetic=images, scale="pair", mark_kind="point")
        for _ in range(readers):
            read(study, in_turn(["left"] * images))
        close_study(study=study, by=None)
        with django_assert_max_num_queries(20) as captured:
            investigator_client.get(address(study))
        numbers.append(len(captured))

    assert numbers[0] == numbers[1]


def test_what_all_readers_said_of_an_image(client):
    """Positions of what everybody called the same; one reader who differs, or has no answer in time, ends it."""
    study = make_open_study(n_real=4, n_synthetic=4, time_limit_ms=5000)
    wrong = study.trials.filter(truth__origin="synthetic").first().position
    split, late = study.trials.filter(truth__origin="real").values_list("position", flat=True)[:2]
    for reader in range(3):

        def say(trial, times, is_first=reader == 0):
            if trial.position == late and is_first:
                return "none"
            is_wrong = trial.position == wrong or (trial.position == split and is_first)
            return other(trial.truth.origin) if is_wrong else trial.truth.origin

        read(study, say)
    close_study(study=study, by=None)

    kinds = {image.position: image.unanimous for image in study_images(study)}
    client.force_login(UserFactory(role=User.Role.INVESTIGATOR))
    page = client.get(address(study), {"show": "synthetic called real"}).content.decode()

    assert kinds[wrong] == "synthetic called real"
    assert kinds[split] == kinds[late] == ""
    assert sorted(kinds.values()) == ["", "", *["real called real"] * 2, *["synthetic called real"],
                                      *["synthetic called synthetic"] * 3]  # fmt: skip
    assert "All readers: synthetic called real (1)" in page
    assert f'id="image-{wrong}"' in page
    assert f'id="image-{split}"' not in page


def test_one_reader_is_not_unanimous():
    study = make_open_study()
    read(study, truthful)
    close_study(study=study, by=None)

    assert {image.unanimous for image in study_images(study)} == {""}


def test_a_heat_map_reads_the_answers_about_its_own_picture_alone(django_assert_num_queries):
    study = make_open_study(
        n_real=4,
        n_synthetic=4,
        real_dataset=make_dataset(n=6),
        synthetic_dataset=make_dataset(origin="synthetic", n=6),
        mark_kind="point",
        n_practice=2,
        n_repeats=2,
    )
    read(study, lambda trial, times: {"value": "real", "marks": [{"image": 0, "x": trial.position, "y": times}]})
    close_study(study=study, by=None)
    truth = TrialTruth.objects.exclude(repeat_of=None).select_related("trial", "repeat_of").first()
    practice = study.trials.filter(is_practice=True).first()

    with django_assert_num_queries(1):
        marks_heat_png(study, position=truth.repeat_of.position, side=0)

    marks = _marks_on(study, truth.repeat_of.position)
    assert sorted(mark["x"] for mark in marks) == sorted([truth.repeat_of.position, truth.trial.position])
    for position in (truth.trial.position, practice.position, 99):
        with pytest.raises(LookupError, match=f"Nobody marked image {position}"):
            marks_heat_png(study, position=position, side=0)


def test_a_heat_map_comes_after_the_end():
    study = make_open_study(mark_kind="point")

    with pytest.raises(StudyError, match="is not closed: its marks are shown once it is"):
        marks_heat_png(study, position=1, side=0)


def test_the_heat_map_is_densest_where_marks_are(client):
    study = make_open_study(size=64, mark_kind="point")
    near = [{"image": 0, "x": 48, "y": 16}, {"image": 0, "x": 47, "y": 17}]
    read(study, lambda trial, times: {"value": "real", "marks": near if trial.position == 1 else []})
    close_study(study=study, by=None)
    client.force_login(UserFactory(role=User.Role.INVESTIGATOR))

    heat = client.get(reverse("turing:study_image_heat", args=[study.pk, 1, 0]))
    opacity = np.asarray(PillowImage.open(io.BytesIO(heat.content)))[..., 3]

    assert opacity.shape == (64, 64)
    row, column = np.unravel_index(opacity.argmax(), opacity.shape)
    assert (abs(row - 16) <= 2, abs(column - 47) <= 2) == (True, True)
    assert opacity[60, 4] == 0
    assert client.get(reverse("turing:study_image_heat", args=[study.pk, 2, 0])).status_code == 404
    assert "Heat map of 2 marks" in client.get(address(study), {"marks": "heat"}).content.decode()
    assert "Heat map" not in client.get(address(study)).content.decode()
