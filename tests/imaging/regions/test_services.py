"""Tasks, drawings and their history, adjudication, and what is refused."""

import uuid

import pytest
from django.db import DatabaseError, transaction

from imaging.models import Region, RegionAnnotator, RegionAssignment, RegionDrawing, RegionTask
from imaging.regions.drawn import RegionError
from imaging.regions.selectors import adjudicated_regions, current_regions, hidden_from
from imaging.regions.services import (
    add_annotator,
    adjudicate,
    close_task,
    create_task,
    delete_task,
    reopen_task,
    save_drawing,
)
from imaging.services import DatasetError, delete_dataset
from tests.factories import DatasetFactory, UserFactory
from tests.imaging.regions.builders import (
    BOTH,
    LABELS,
    NAMES,
    RIGHT,
    annotator,
    draw,
    make_images,
    make_task,
    make_user,
    region,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> RegionTask:
    return make_task(make_images(5), make_user("anna"), make_user("ben"))


def order_of(one: RegionAnnotator) -> list[uuid.UUID]:
    return list(one.assignments.order_by("position").values_list("image_id", flat=True))


class TestTask:
    def test_each_annotator_has_all_images_in_an_order_of_the_seed(self, task):
        a, b = annotator(task, "A"), annotator(task, "B")
        again = make_task(task.dataset, a.user, b.user, name="Again")
        other = make_task(task.dataset, a.user, b.user, name="Other seed", seed=1)

        assert set(order_of(a)) == set(order_of(b)) == set(task.dataset.images.values_list("pk", flat=True))
        assert order_of(a) != order_of(b)
        assert [order_of(annotator(again, code)) for code in "AB"] == [order_of(a), order_of(b)]
        assert order_of(annotator(other, "A")) != order_of(a)

    def test_a_split_or_a_sample_by_seed(self, task):
        dataset, anna = task.dataset, annotator(task, "A").user
        test_set = dataset.images.order_by("pk")[:2]
        for image in test_set:
            image.split = "test"
            image.save()

        of_split = make_task(dataset, anna, name="Test", splits=["test"])
        sample = make_task(dataset, anna, name="Sample", sample_size=3)
        again = make_task(dataset, anna, name="Sample again", sample_size=3)

        assert set(order_of(annotator(of_split, "A"))) == {image.pk for image in test_set}
        assert len(set(order_of(annotator(sample, "A")))) == sample.n_images == 3
        assert set(order_of(annotator(sample, "A"))) == set(order_of(annotator(again, "A")))

    def test_a_second_annotator_may_come_later(self, task):
        cleo = make_user("cleo")

        added = add_annotator(task=task, user=cleo)

        assert (added.code, set(order_of(added))) == ("C", set(order_of(annotator(task, "A"))))
        with pytest.raises(RegionError, match="cleo is an annotator of this task already"):
            add_annotator(task=task, user=cleo)
        with pytest.raises(RegionError, match="is not in the project"):
            add_annotator(task=task, user=UserFactory(username="reader"))

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"name": "Lungs"}, "There is a task called “Lungs” already"),
            ({"name": " "}, "Give the task a name"),
            ({"region_names": ["lung", "Lung"]}, "“lung” is named twice among the regions"),
            ({"labels": []}, "Name 1 to 9 labels, not 0"),
            ({"annotators": []}, "Choose at least one annotator"),
            ({"sample_size": 6}, "A sample of 6 of 5 images cannot be drawn"),
            ({"splits": ["train"]}, "“Chests” has no such images"),
            ({"seed": -1}, "The seed is -1"),
        ],
    )
    def test_what_makes_no_sense_is_refused_in_words(self, task, values, words):
        usual = {"name": "New", "region_names": NAMES, "labels": LABELS, "annotators": [annotator(task, "A").user]}

        with pytest.raises(RegionError, match=words):
            create_task(dataset=task.dataset, created_by=None, **(usual | values))

        assert RegionTask.objects.count() == 1


class TestDrawing:
    def test_drawing_again_keeps_what_was_there(self, task):
        a = annotator(task, "A")
        image = a.assignments.get(position=1).image
        draw(a, image)

        second = draw(a, image, [region("right lung", None, "covered"), BOTH[1]])

        assert second.revision == 2
        now = current_regions(a)[image.pk]
        assert (now["right lung"].rectangle, now["right lung"].reason) == (None, "covered")
        old = Region.objects.get(drawing__revision=1, name="right lung")
        assert (old.x, old.y, old.width, old.height, old.label) == (*RIGHT, "clear")

    def test_nothing_new_is_not_stored_again(self, task):
        a = annotator(task, "A")
        image = a.assignments.get(position=1).image

        assert draw(a, image) == draw(a, image)
        assert RegionDrawing.objects.count() == 1

    def test_the_same_request_again_gives_the_same_answer(self, task):
        a, key = annotator(task, "A"), uuid.uuid4()
        first = save_drawing(annotator=a, position=1, key=key, regions=BOTH)
        changed = [region("right lung", (0, 0, 9, 9)), BOTH[1]]

        assert save_drawing(annotator=a, position=1, key=key, regions=changed) == first
        with pytest.raises(RegionError, match="drawing of another image"):
            save_drawing(annotator=a, position=2, key=key, regions=BOTH)

    @pytest.mark.parametrize("table", ["drawing", "region"])
    def test_the_database_refuses_to_change_what_was_saved(self, task, table):
        draw(annotator(task, "A"), task.dataset.images.first())
        rows = RegionDrawing.objects.all() if table == "drawing" else Region.objects.all()
        change = {"revision": 7} if table == "drawing" else {"x": 0}

        with pytest.raises(DatabaseError, match="saved regions are never changed"), transaction.atomic():
            rows.update(**change)

    @pytest.mark.parametrize(
        ("regions", "words"),
        [
            (BOTH[:1], "Draw each of these once, or say that it is not visible: right lung, left lung"),
            ([*BOTH, BOTH[0]], "Draw each of these once"),
            ([BOTH[0], BOTH[0]], "Draw each of these once"),
            ("text", "must be a list"),
            ([region("right lung", (0, 0, 61, 20)), BOTH[1]], "right lung: The rectangle .* reaches outside"),
            ([region("right lung", (0, 0, 10.5, 20)), BOTH[1]], "right lung: Draw a rectangle"),
            ([region("right lung", (0, 0, True, 20)), BOTH[1]], "right lung: Draw a rectangle"),
            ([region("right lung", RIGHT, "fluid"), BOTH[1]], "right lung: Choose one of the labels clear, opacity"),
            ([region("right lung", RIGHT) | {"reason": "covered"}, BOTH[1]], "neither a rectangle nor a label"),
            ([region("right lung", None, " "), BOTH[1]], "right lung: Draw a rectangle, or say why"),
            ([region("right lung", None, "x" * 201), BOTH[1]], "201 characters"),
        ],
    )
    def test_a_drawing_that_is_not_whole_is_refused(self, task, regions, words):
        with pytest.raises(RegionError, match=words):
            save_drawing(annotator=annotator(task, "A"), position=1, key=uuid.uuid4(), regions=regions)

        assert RegionDrawing.objects.count() == 0

    def test_nothing_is_drawn_in_a_closed_task(self, task):
        close_task(task=task)

        with pytest.raises(RegionError, match="was closed") as caught:
            draw(annotator(task, "A"), task.dataset.images.first())
        assert caught.value.code == "closed"


class TestBlinding:
    def test_what_others_drew_is_hidden_until_one_has_drawn_oneself(self, task):
        a, b = annotator(task, "A"), annotator(task, "B")
        first, second = task.dataset.images.all()[:2]
        draw(a, first)
        draw(a, second)
        draw(b, second)

        assert first.pk in hidden_from(task, b.user)
        assert second.pk not in hidden_from(task, b.user)
        assert hidden_from(task, make_user("visitor")) == set()
        close_task(task=task)
        assert hidden_from(task, b.user) == set()


class TestAdjudication:
    @pytest.fixture
    def image(self, task):
        image = task.dataset.images.first()
        draw(annotator(task, "A"), image)
        draw(annotator(task, "B"), image, [region("right lung", (8, 8, 20, 20), "opacity"), BOTH[1]])
        close_task(task=task)
        return image

    def decide(self, task, image, user, regions):
        return adjudicate(task=task, user=user, image=image, key=uuid.uuid4(), regions=regions)

    def test_the_latest_decision_counts_and_says_where_it_is_from(self, task, image):
        judge, other = make_user("judge"), make_user("other")
        taken = region("right lung", (8, 8, 20, 20), "opacity", taken_from="B")
        altered = region("left lung", (33, 6, 20, 24), "opacity", taken_from="A")  # not what A drew

        self.decide(task, image, judge, BOTH)
        self.decide(task, image, other, [taken, altered])

        found = adjudicated_regions(task)[image.pk]
        assert {name: one.taken_from for name, one in found.items()} == {"right lung": "B", "left lung": ""}
        assert sorted(one.code for one in task.annotators.all()) == ["A", "B", "J1", "J2"]
        assert current_regions(annotator(task, "A"))[image.pk]["right lung"].label == "clear"  # stays as it was drawn

    def test_only_when_nobody_draws_any_more(self, task, image):
        reopen_task(task=task)
        with pytest.raises(RegionError, match="Close the task first"):
            self.decide(task, image, make_user("judge"), BOTH)

        close_task(task=task)
        self.decide(task, image, make_user("judge2"), BOTH)
        with pytest.raises(RegionError, match="adjudicated: it stays closed"):
            reopen_task(task=task)

    def test_an_image_of_another_dataset_is_refused(self, task, image):
        stranger = make_images(1, width=30, dataset=DatasetFactory(name="Other"))
        with pytest.raises(RegionError, match="not part of the task"):
            self.decide(task, stranger.images.get(), make_user("judge"), BOTH)


class TestDelete:
    def test_a_dataset_with_a_task_stays_and_the_task_is_named(self, task):
        with pytest.raises(DatasetError, match="it is used by region task “Lungs”"):
            delete_dataset(dataset=task.dataset)

    def test_a_task_goes_with_all_that_was_drawn(self, task):
        draw(annotator(task, "A"), task.dataset.images.first())
        dataset = task.dataset

        delete_task(task=task)

        for model in (RegionTask, RegionAnnotator, RegionAssignment, RegionDrawing, Region):
            assert model.objects.count() == 0
        delete_dataset(dataset=dataset)
