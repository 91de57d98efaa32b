"""Pages and files of region tasks, and what an annotator is sent."""

import csv
import io
import json
import uuid

import numpy as np
import pytest
from django.urls import reverse

from imaging.models import RegionCrops, RegionDrawing, RegionTask
from imaging.regions.services import adjudicate, close_task
from tests.factories import ImageFactory, UserFactory
from tests.imaging.regions.builders import BOTH, annotator, draw, make_images, make_task, make_user, region

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> RegionTask:
    """Six images; A has drawn four, B two of them, one of these otherwise."""
    task = make_task(make_images(6), make_user("anna"), make_user("ben"), instructions="From the clavicle down.")
    a, b = annotator(task, "A"), annotator(task, "B")
    images = [one.image for one in a.assignments.order_by("position")]
    for image in images[:4]:
        draw(a, image)
    draw(b, images[0])
    draw(b, images[1], [region("right lung", (1, 1, 8, 8), "opacity"), region("left lung", None, "covered")])
    return task


@pytest.fixture
def anna(client, task):
    client.force_login(annotator(task, "A").user)
    return client


@pytest.fixture
def ben(client, task):
    client.force_login(annotator(task, "B").user)
    return client


def address(task, name, *more):
    return reverse(f"imaging:{name}", args=[task.pk, *more])


def post_drawing(client, url, regions, key=None):
    body = json.dumps({"key": str(key or uuid.uuid4()), "regions": regions})
    return client.post(url, body, content_type="application/json")


class TestPages:
    def test_a_task_begins_on_the_page_of_its_dataset(self, investigator_client, investigator):
        dataset = make_images(3)
        page = investigator_client.get(reverse("imaging:dataset_detail", args=[dataset.pk])).content.decode()
        url = reverse("imaging:region_task_new", args=[dataset.pk])
        assert url in page
        form = investigator_client.get(url).context["form"]
        assert form.initial["region_names"] == "right maxillary sinus\nleft maxillary sinus"

        response = investigator_client.post(
            url,
            {
                "name": "Sinuses",
                "region_names": "right maxillary sinus\r\nleft maxillary sinus\r\n",
                "labels": "normal\nsinusitis",
                "annotators": [str(investigator.pk)],
                "sample_size": "2",
                "seed": "3",
            },
        )

        task = RegionTask.objects.get()
        assert response.url == task.get_absolute_url()
        assert (task.labels, task.n_images, task.offers_last_boxes) == (["normal", "sinusitis"], 2, False)
        assert "Sinuses" in investigator_client.get(reverse("imaging:region_task_list")).content.decode()

    def test_a_form_that_makes_no_sense_says_so_at_its_field(self, investigator_client, investigator):
        dataset = make_images(3)
        url = reverse("imaging:region_task_new", args=[dataset.pk])
        values = {"name": "S", "region_names": "a\na", "labels": "x", "annotators": [str(investigator.pk)], "seed": "0"}

        first = investigator_client.post(url, values).context["form"].errors
        second = investigator_client.post(url, values | {"region_names": "a", "sample_size": "9"})

        assert first == {"region_names": ["“a” is named twice among the regions."]}
        assert second.context["form"].errors == {"sample_size": ["A sample of 9 of 3 images cannot be drawn."]}
        assert RegionTask.objects.count() == 0

    def test_the_number_of_queries_does_not_grow(self, investigator_client, django_assert_max_num_queries):
        dataset, user = make_images(2), make_user("anna")
        for number in range(8):
            make_task(dataset, user, name=f"Task {number}")

        with django_assert_max_num_queries(6):
            investigator_client.get(reverse("imaging:region_task_list"))

    def test_the_page_of_a_task(self, anna, task):
        page = anna.get(task.get_absolute_url()).content.decode()

        assert "Go on drawing" in page
        assert "From the clavicle down." in page
        assert "4 of 6" in page
        assert "2 of 6" in page

    def test_closing_reopening_and_adding(self, anna, task):
        cleo = make_user("cleo")
        anna.post(address(task, "region_annotator_add"), {"user": str(cleo.pk)})
        assert annotator(task, "C").user == cleo
        anna.post(address(task, "region_task_close"))
        task.refresh_from_db()
        assert not task.is_open
        assert anna.get(address(task, "region_draw")).url == task.get_absolute_url()
        anna.post(address(task, "region_task_reopen"))
        task.refresh_from_db()
        assert task.is_open

    def test_crops_are_asked_for_in_words(self, anna, task):
        close_task(task=task)
        values = {"dataset_name": "Crops", "rule": "first", "iou_limit": "0.7", "size": "square", "side": ""}
        url = address(task, "region_crops_start")

        refused = anna.post(url, values)
        started = anna.post(url, values | {"size": "own"})

        assert refused.status_code == 400
        assert refused.context["crops_form"].errors == {"side": ["Give the side of the square."]}
        assert started.url == f"{task.get_absolute_url()}#crops"
        assert (RegionCrops.objects.get().side, RegionCrops.objects.get().dataset_name) == (None, "Crops")
        assert "Crop regions into “Crops”" in anna.get(task.get_absolute_url()).content.decode()

    def test_deleting_asks_first(self, anna, task):
        url = address(task, "region_task_delete")
        assert "on 6 images" in anna.get(url).content.decode()
        anna.post(url)
        assert RegionTask.objects.count() == 0

    @pytest.mark.parametrize("signed_in", [False, True])
    def test_readers_and_strangers_see_none_of_it(self, client, task, signed_in):
        if signed_in:
            client.force_login(UserFactory())
        named = ["", "_agreement", "_draw", "_adjudicate", "_task_delete"]
        pages = [address(task, f"region{name}" if name else "region_task") for name in named]
        pages += [address(task, "regions_csv"), address(task, "regions_json"), reverse("imaging:region_task_list")]
        scripts = [
            address(task, "region_image", 1),
            address(task, "region_adjudicate_image", 1),
            reverse("imaging:region_pixels", args=[task.dataset.images.first().pk]),
        ]

        assert {client.get(url).status_code for url in pages} == {403 if signed_in else 302}
        assert {client.get(url).status_code for url in scripts} == {403 if signed_in else 401}


class TestAnnotator:
    def test_gets_the_image_own_regions_and_those_of_the_image_before(self, anna, task):
        found = anna.get(address(task, "region_image", 2)).json()

        assert (found["width"], found["height"], found["bits"]) == (60, 40, 8)
        assert [one["name"] for one in found["regions"]] == ["right lung", "left lung"]
        assert found["regions"][1]["label"] == "opacity"
        assert found["last"][0]["x"] == 5
        assert anna.get(address(task, "region_image", 6)).json()["regions"] is None

    def test_is_never_sent_what_others_drew(self, ben, task):
        """A's rectangle begins at (5, 6); nothing that B may open while B has not drawn an image has it."""
        b = annotator(task, "B")
        todo = b.assignments.filter(current=None).values_list("position", flat=True)
        for position in todo:
            assert ben.get(address(task, "region_image", position)).json()["regions"] is None
        rows = list(csv.DictReader(io.StringIO(ben.get(address(task, "regions_csv")).content.decode())))
        drawn = {str(pk) for pk in b.assignments.exclude(current=None).values_list("image_id", flat=True)}
        assert {row["image"] for row in rows} == drawn
        assert {row["annotator"] for row in rows} == {"A", "B"}
        in_json = ben.get(address(task, "regions_json")).json()["regions"]
        assert {row["image"] for row in in_json} == drawn
        page = ben.get(address(task, "region_agreement"))
        assert page.context["agreement"].images == 2
        assert ben.get(address(task, "region_adjudicate")).status_code == 302
        assert ben.get(address(task, "region_adjudicate_image", 1)).status_code == 409

    def test_saves(self, ben, task):
        position = annotator(task, "B").assignments.filter(current=None).first().position
        url, key = address(task, "region_image", position), uuid.uuid4()
        before = RegionDrawing.objects.count()

        first = post_drawing(ben, url, BOTH, key)
        again = post_drawing(ben, url, BOTH, key)

        assert (first.status_code, first.json()) == (200, again.json())
        assert RegionDrawing.objects.count() == before + 1
        assert ben.get(url).json()["regions"][0]["x"] == 5

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ("nothing", "JSON with a key and the regions"),
            ("[]", "JSON with a key and the regions"),
            ('{"key": "x", "regions": []}', "JSON with a key and the regions"),
            (json.dumps({"key": "5d6d9a3e-7f3c-4a53-9b7c-2a7f4f6f0001", "regions": []}), "Draw each of these once"),
            (json.dumps({"key": "5d6d9a3e-7f3c-4a53-9b7c-2a7f4f6f0001", "regions": [1]}), "must be a list of objects"),
            ("x" * 100_001, "too large"),
        ],
    )
    def test_nonsense_is_refused_in_words(self, ben, task, body, words):
        response = ben.post(address(task, "region_image", 6), body, content_type="application/json")

        assert response.status_code == 400
        assert words in response.json()["error"]

    def test_somebody_who_does_not_draw_cannot_save(self, client, task):
        client.force_login(make_user("visitor"))

        assert client.get(address(task, "region_draw")).status_code == 403
        assert post_drawing(client, address(task, "region_image", 1), BOTH).status_code == 403

    def test_closed_is_said_with_a_code(self, ben, task):
        close_task(task=task)
        response = post_drawing(ben, address(task, "region_image", 6), BOTH)

        assert (response.status_code, response.json()["code"]) == (409, "closed")

    @pytest.mark.parametrize("kind", ["uint8", "<u2"])
    def test_pixels_are_those_of_the_image(self, ben, kind):
        pixels = np.random.default_rng(0).integers(0, 255, (7, 9)).astype(kind)
        image = ImageFactory(pixels=pixels)

        response = ben.get(reverse("imaging:region_pixels", args=[image.pk]))

        assert np.frombuffer(response.content, kind).reshape(7, 9).tolist() == pixels.tolist()


class TestAgreementPage:
    def test_numbers_and_disagreements(self, anna, task):
        response = anna.get(address(task, "region_agreement"), {"limit": "0.5"})
        page = " ".join(response.content.decode().split())

        assert response.context["agreement"].images == 2
        rows = [(row.position, row.found.name, row.words) for row in response.context["page_obj"]]
        assert rows == [
            (2, "right lung", "labels differ, overlap too small"),
            (2, "left lung", "seen by one only"),
        ]
        assert "2 regions on 1 image; 1 of these images is not adjudicated" in page

    @pytest.mark.parametrize("query", [{"first": "A", "second": "A"}, {"limit": "2"}, {"first": "Z"}])
    def test_a_question_without_sense_is_said_at_its_field(self, anna, task, query):
        response = anna.get(address(task, "region_agreement"), query)

        assert response.status_code == 200
        assert response.context["form"].errors

    def test_one_annotator_has_nobody_to_agree_with(self, anna, task):
        alone = make_task(task.dataset, annotator(task, "A").user, name="Alone")

        assert "One annotator only" in anna.get(address(alone, "region_agreement")).content.decode()

    def test_the_number_of_queries_does_not_grow(self, anna, task, django_assert_num_queries):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as few:
            anna.get(address(task, "region_agreement"))
        for assignment in annotator(task, "B").assignments.filter(current=None):
            draw(annotator(task, "B"), assignment.image, [region("right lung", (0, 0, 9, 9)), BOTH[1]])
        with CaptureQueriesContext(connection) as many:
            anna.get(address(task, "region_agreement"))

        assert len(many) == len(few)


class TestAdjudication:
    def test_both_drawings_and_what_they_agree_on(self, anna, task):
        close_task(task=task)
        page = anna.get(address(task, "region_adjudicate"))
        assert page.context["config"]["positions"] == [2]
        found = anna.get(address(task, "region_adjudicate_image", 1)).json()
        other = anna.get(address(task, "region_adjudicate_image", 2)).json()

        assert [one["code"] for one in found["others"]] == ["A", "B"]
        assert (found["agreed"], other["agreed"]) == (["right lung", "left lung"], [])
        assert other["others"][1]["regions"][1]["reason"] == "covered"
        response = post_drawing(anna, address(task, "region_adjudicate_image", 2), BOTH)
        assert response.status_code == 200
        assert anna.get(address(task, "region_adjudicate_image", 2)).json()["regions"][0]["x"] == 5

    def test_any_image_of_the_task_can_be_looked_at(self, anna, task):
        close_task(task=task)

        everything = anna.get(address(task, "region_adjudicate"), {"all": "1"}).context["config"]
        one = anna.get(address(task, "region_adjudicate"), {"image": "1"}).context["config"]

        assert everything["positions"] == [1, 2]
        assert (one["positions"], one["start"]) == ([1, 2], 1)


class TestFiles:
    def test_csv_has_a_row_for_each_region(self, client, task):
        client.force_login(make_user("visitor"))
        close_task(task=task)
        image = annotator(task, "A").assignments.get(position=2).image
        adjudicate(task=task, user=make_user("judge"), image=image, key=uuid.uuid4(), regions=BOTH)

        response = client.get(address(task, "regions_csv"))
        rows = list(csv.DictReader(io.StringIO(response.content.decode())))

        assert response["Content-Disposition"] == 'attachment; filename="lungs.csv"'
        assert len(rows) == 2 * (4 + 2 + 1)
        assert [row["annotator"] for row in rows] == ["A"] * 8 + ["B"] * 4 + ["J1"] * 2
        of_ben = [row for row in rows if row["annotator"] == "B" and row["image"] == str(image.pk)]
        assert [row["region"] for row in of_ben] == ["right lung", "left lung"]
        first, second = of_ben
        assert [first[key] for key in ("x", "y", "width", "height", "label")] == ["1", "1", "8", "8", "opacity"]
        assert (second["x"], second["not_visible_because"]) == ("", "covered")
        assert first["image_sha256"] == image.pixel_sha256

    def test_history_has_every_revision(self, anna, task):
        a = annotator(task, "A")
        draw(a, a.assignments.get(position=1).image, [region("right lung", (0, 0, 9, 9)), BOTH[1]])

        now = anna.get(address(task, "regions_json")).json()["regions"]
        all_of_them = anna.get(address(task, "regions_json") + "?history=1").json()["regions"]

        assert len(all_of_them) == len(now) + 2
        old = [row for row in all_of_them if not row["is_current"]]
        assert [(row["revision"], row["x"]) for row in old] == [(1, 5), (1, 32)]

    def test_a_label_is_no_formula(self, anna, task):
        a = annotator(task, "A")
        draw(a, a.assignments.get(position=1).image, [region("right lung", None, "=1+1"), BOTH[1]])

        assert "'=1+1" in anna.get(address(task, "regions_csv")).content.decode()
