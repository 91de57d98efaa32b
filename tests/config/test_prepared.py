"""Prepared queries give what the same query of Django gives, for other values each time, and build it only once."""

import threading
import uuid

import pytest
from django.db import connection, transaction
from django.db.models import CharField, Exists, F, OuterRef, QuerySet, UUIDField

from config.prepared import Parameter, Prepared
from imaging.models import Image
from tests.factories import DatasetFactory, ImageFactory, JobFactory
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
