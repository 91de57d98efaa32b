"""Prepared queries give what the same query of Django gives, for other values each time, and build it only once."""

import threading
import uuid

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import CharField, Exists, F, OuterRef, QuerySet, UUIDField
from django.utils import timezone

from config.prepared import Parameter, Prepared, insert_row, update_row
from imaging.models import Image
from tests.factories import DatasetFactory, ImageFactory, JobFactory
from tests.turing.builders import make_session
from turing.models import Presentation
from worker.models import Job

pytestmark = pytest.mark.django_db


def images(dataset, label) -> QuerySet[Image]:
    later_twins = Image.objects.filter(label=OuterRef("label"), pk__gt=OuterRef("pk"))
    return (
        Image.objects.select_related("dataset")
        .defer("dataset__name")
        .annotate(
            origin=F("dataset__origin"),
            has_twin=Exists(later_twins),
        )
        .filter(dataset=dataset, label=label)
        .order_by("pk")
    )


def prepared_images() -> Prepared[Image]:
    return Prepared(lambda: images(Parameter("dataset", UUIDField()), Parameter("label", CharField())))


def facts(rows) -> list[tuple]:
    return [
        (row, row.dataset, row.dataset.created_at, row.origin, row.has_twin, row.dataset.get_deferred_fields())
        for row in rows
    ]


def test_gives_the_instances_that_the_query_itself_gives_for_each_value(django_assert_num_queries):
    dataset = DatasetFactory()
    for label in ("normal", "normal", "abnormal"):
        ImageFactory(dataset=dataset, label=label)
    ImageFactory(label="normal")
    query = prepared_images()

    for label, number in (("normal", 2), ("abnormal", 1), ("neither", 0)):
        expected = facts(images(dataset, label))
        with django_assert_num_queries(1):
            found = facts(query(dataset=dataset.pk, label=label))
        assert found == expected
        assert len(found) == number


def test_is_built_once_and_not_by_running_it_for_the_first_time_with_other_values():
    ImageFactory(label="normal")
    built = []

    def build() -> QuerySet[Image]:
        built.append(1)
        return Image.objects.filter(label=Parameter("label", CharField()))

    query = Prepared(build)

    assert [len(query(label=label)) for label in ("abnormal", "normal", "normal")] == [0, 1, 1]
    assert built == [1]


def test_gives_tuples_and_the_first_row():
    for label in ("b", "a"):
        ImageFactory(label=label)
    query = Prepared(lambda: Image.objects.order_by("label").values_list("label", "bit_depth")[:1])
    by_label = Prepared(
        lambda: Image.objects.filter(label=Parameter("label", CharField())).values_list("label", flat=True)
    )

    assert query() == [("a", 8)]
    assert query.first() == ("a", 8)
    assert by_label.first(label="b") == "b"
    assert by_label.first(label="c") is None


def test_a_value_is_converted_as_its_field_does():
    job = JobFactory()  # its key is a UUID: text without hyphens on SQLite, a type of its own on PostgreSQL
    query = Prepared(lambda: Job.objects.filter(pk=Parameter("pk", UUIDField())))

    assert query(pk=job.pk) == [job]
    assert query(pk=uuid.uuid4()) == []


def test_a_value_that_is_missing_is_named():
    with pytest.raises(KeyError, match="label"):
        prepared_images()(dataset=1)


def test_a_query_that_locks_needs_a_transaction_each_time(transactional_db):
    image = ImageFactory()
    query = Prepared(lambda: Image.objects.select_for_update().filter(pk=Parameter("pk", UUIDField())))

    with transaction.atomic():
        assert query(pk=image.pk) == [image]
    if connection.features.has_select_for_update:
        with pytest.raises(transaction.TransactionManagementError):
            query(pk=image.pk)


def test_threads_do_not_disturb_one_another(transactional_db):
    """Each has its own connection, and with it its own statement."""
    dataset = DatasetFactory()
    made = {label: ImageFactory(dataset=dataset, label=label) for label in ("a", "b", "c", "d")}
    query, wrong, together = prepared_images(), [], threading.Barrier(len(made))

    def run(label: str) -> None:
        together.wait()
        for _ in range(50):
            if query(dataset=dataset.pk, label=label) != [made[label]]:
                wrong.append(label)
        connection.close()

    threads = [threading.Thread(target=run, args=(label,)) for label in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_row_is_inserted_as_save_would(django_assert_num_queries):
    """Defaults, the moment of creation, JSON and the key that the database makes included."""
    session = make_session()
    trial, later = session.study.trials.last(), timezone.now()

    with django_assert_num_queries(1):
        made = insert_row(Presentation(session=session, trial=trial, position=9, sent_ahead_at=later))

    found = Presentation.objects.get(pk=made.pk)
    assert made == found
    names = [field.attname for field in Presentation._meta.concrete_fields]
    assert [getattr(made, name) for name in names] == [getattr(found, name) for name in names]
    assert (found.position, found.sent_ahead_at, found.became_current_at) == (9, later, None)
    assert found.created_at >= later
    assert len(found.token) > 20
    made.position = 10
    made.save()  # it knows that it is there already
    assert Presentation.objects.filter(session=session, position=10).count() == 1


def test_only_the_named_fields_of_a_row_are_updated():
    image, other = ImageFactory(label="a"), ImageFactory(label="a")
    image.label, image.width = "b", 1

    update_row(image, ("label",))

    assert (Image.objects.get(pk=image.pk).label, Image.objects.get(pk=image.pk).width) == ("b", other.width)
    assert Image.objects.get(pk=other.pk).label == "a"


def test_updating_what_is_not_there_is_refused():
    image = ImageFactory()
    Image.objects.all().delete()

    with pytest.raises(DatabaseError, match="nothing was updated"):
        update_row(image, ("label",))
    with pytest.raises(ValueError, match="colour"):
        update_row(image, ("label", "colour"))


def test_a_constraint_refuses_an_insert_as_ever():
    image = ImageFactory()

    with pytest.raises(IntegrityError), transaction.atomic():
        insert_row(Image(pk=image.pk, dataset=image.dataset, pixel_sha256="x", width=1, height=1, bit_depth=8))
