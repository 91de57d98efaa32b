"""From a start to the dataset without the excluded images: order, decisions, check and record."""

import csv
import io
import xml.etree.ElementTree as ET

import pytest
from django.db import IntegrityError, transaction

from classification.models import Scoring, ScreenedImage
from classification.scoring.services import start_scoring
from classification.screening import selectors
from classification.screening.export import export_screening
from classification.screening.services import (
    decide,
    draw_check_sample,
    go_on,
    make_screened_dataset,
    start_screening,
    stop,
    take_back,
)
from classification.services import ClassificationError
from imaging.flow_chart import chart_in_words, draw_flow_chart
from imaging.including import earlier_rules, include_images
from imaging.inclusion import InclusionRules
from imaging.services import DatasetError
from tests.classification.screening.conftest import DEVICES, begin, has_device
from tests.factories import ClassifierFactory, DatasetFactory, UserFactory
from tests.generation.conftest import run_job
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


def decide_next(screening, *, exclude=None, reason="device"):
    """Of the next image: as it shows a device, or as told."""
    queue = selectors.queue_of(screening)
    row = selectors.image_at(screening, queue, queue.n_decided + 1)
    excluded = has_device(row) if exclude is None else exclude
    decision = "exclude" if excluded else "keep"
    decide(screening=screening, image=row, decision=decision, reason=reason if excluded else "", by=screening.reviewer)
    return row


def test_a_classifier_trained_here_brings_the_devices_first(finder, to_screen, investigator):
    screening = begin(to_screen, reviewer=investigator, classifier=finder, stop_after=5)

    rows = list(screening.images.select_related("image").order_by("place"))
    scores = [row.score for row in rows]
    assert [row.place for row in rows] == list(range(1, 25))
    assert scores == sorted(scores, reverse=True)
    assert {row.image_id: row.score for row in rows} == dict(screening.scoring.scores.values_list("image_id", "score"))
    assert [has_device(row) for row in rows[:DEVICES]] == [True] * DEVICES
    assert (screening.looked_for, screening.classifier_sha256) == ("device", finder.sha256)
    to_screen.refresh_from_db()
    assert to_screen.frozen_at is not None

    for _ in range(DEVICES + 4):
        decide_next(screening)
    queue = selectors.queue_of(screening)
    assert (selectors.asks_to_stop(screening, queue), selectors.kept_in_a_row(screening, queue)) == (False, 4)
    decide_next(screening)
    queue = selectors.queue_of(screening)
    assert (selectors.asks_to_stop(screening, queue), queue.left) == (True, 24 - DEVICES - 5)
    ranking = selectors.ranking_of(screening)
    assert (ranking.average_precision, ranking.excluded, ranking.n) == (1, DEVICES, DEVICES + 5)


def test_looking_for_the_other_class_turns_the_order_round(finder, to_screen, investigator):
    first = begin(to_screen, reviewer=investigator, classifier=finder)
    second = begin(to_screen, reviewer=investigator, classifier=finder, looked_for="none")

    assert second.scoring == first.scoring  # computed once
    assert Scoring.objects.count() == 1
    order = list(first.images.order_by("place").values_list("image_id", flat=True))
    assert list(second.images.order_by("-place").values_list("image_id", flat=True)) == order
    last = second.images.order_by("-place").first()
    assert last.score == pytest.approx(1 - first.images.get(image=last.image).score)


def test_without_a_classifier_the_order_is_random_by_seed(to_screen, investigator):
    def order(seed):
        screening = begin(to_screen, reviewer=investigator, seed=seed)
        return list(screening.images.order_by("place").values_list("image_id", flat=True))

    first = order(1)
    assert first == order(1) != order(2)
    assert set(first) == set(to_screen.images.values_list("pk", flat=True))
    assert first != sorted(first)


def test_in_random_order_nobody_is_asked_to_stop(to_screen, investigator):
    screening = begin(to_screen, reviewer=investigator, stop_after=2)
    for _ in range(4):
        decide_next(screening, exclude=False)

    assert not selectors.asks_to_stop(screening, selectors.queue_of(screening))
    assert selectors.ranking_of(screening) is None


def test_a_job_that_was_broken_off_goes_on_where_it_was(to_screen, investigator):
    screening = start_screening(dataset=to_screen, reviewer=investigator, seed=4, created_by=None)
    whole = begin(to_screen, reviewer=investigator, seed=4)
    kept = list(whole.images.order_by("place").values_list("place", "image_id"))
    ScreenedImage.objects.bulk_create(
        [ScreenedImage(screening=screening, place=place, image_id=image) for place, image in kept[:10]]
    )

    run_job(screening.job)

    screening.refresh_from_db()
    assert (screening.job.state, screening.n_images) == (Job.State.SUCCEEDED, 24)
    assert list(screening.images.order_by("place").values_list("place", "image_id")) == kept


def test_decisions_are_changed_and_taken_back_but_never_made_ahead(to_screen, investigator):
    screening = begin(to_screen, reviewer=investigator)
    first = decide_next(screening, exclude=True, reason="wire")
    decide_next(screening, exclude=False)

    decide(screening=screening, image=first, decision="exclude", reason="rotation", by=investigator)
    first.refresh_from_db()
    assert (first.reason, first.decided_by) == ("rotation", investigator)
    take_back(screening=screening, by=investigator)
    queue = selectors.queue_of(screening)
    assert queue.n_decided == 1
    with pytest.raises(ClassificationError, match="not to be decided now"):
        decide(screening=screening, image=screening.images.get(place=3), decision="keep", by=investigator)
    take_back(screening=screening, by=investigator)
    with pytest.raises(ClassificationError, match="no decision to take back"):
        take_back(screening=screening, by=investigator)
    first.refresh_from_db()
    assert (first.decision, first.reason, first.decided_by, first.decided_at) == ("", "", None, None)


@pytest.mark.parametrize(
    ("decision", "reason", "words"),
    [("exclude", "", "why the image is excluded"), ("exclude", "ugly", "one of the reasons"),
     ("keep", "wire", "why the image is excluded"), ("", "", "Keep the image or exclude it")],
)  # fmt: skip
def test_a_decision_that_makes_no_sense(decision, reason, words, to_screen, investigator):
    screening = begin(to_screen, reviewer=investigator)
    with pytest.raises(ClassificationError, match=words):
        decide(
            screening=screening, image=screening.images.get(place=1), decision=decision, reason=reason, by=investigator
        )


def test_the_database_holds_reason_and_time_with_the_decision(to_screen, investigator):
    row = begin(to_screen, reviewer=investigator).images.get(place=1)
    for changes in ({"decision": "exclude"}, {"reason": "wire"}, {"decision": "keep"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ScreenedImage.objects.filter(pk=row.pk).update(**changes)


def test_only_the_reviewer_decides(to_screen, investigator):
    screening = begin(to_screen, reviewer=investigator)
    other = UserFactory(role="investigator")
    with pytest.raises(ClassificationError, match=f"{investigator.username} decides in this screening"):
        decide(screening=screening, image=screening.images.get(place=1), decision="keep", by=other)
    assert not screening.images.exclude(decision="").exists()


def test_what_cannot_be_started_is_said(to_screen, investigator, reader):
    with pytest.raises(ClassificationError, match="has no images"):
        start_screening(dataset=DatasetFactory(), reviewer=investigator, created_by=None)
    with pytest.raises(ClassificationError, match="may not see datasets"):
        start_screening(dataset=to_screen, reviewer=reader, created_by=None)
    classifier = ClassifierFactory()
    with pytest.raises(ClassificationError, match=r"say nothing of “wire”\. Choose pneumonia or normal"):
        start_screening(
            dataset=to_screen, reviewer=investigator, classifier=classifier, looked_for="wire", created_by=None
        )
    start_scoring(classifier=classifier, dataset=to_screen, created_by=None)
    with pytest.raises(ClassificationError, match="being computed already"):
        start_screening(dataset=to_screen, reviewer=investigator, classifier=classifier, created_by=None)
    assert not to_screen.screenings.exists()


def test_from_the_first_decision_to_the_dataset_and_its_chart(finder, to_screen, investigator):
    adults = include_images(
        dataset=to_screen, rules=InclusionRules(labels=("normal",)), name="Normal ones", created_by=investigator
    )
    screening = begin(adults, reviewer=investigator, classifier=finder, stop_after=3)
    for number in range(DEVICES):
        decide_next(screening, reason="wire" if number == 2 else "device")
    for _ in range(3):
        decide_next(screening)
    assert selectors.asks_to_stop(screening, selectors.queue_of(screening))
    go_on(screening=screening, by=investigator)
    screening.refresh_from_db()
    assert not selectors.asks_to_stop(screening, selectors.queue_of(screening))
    decide_next(screening)
    with pytest.raises(ClassificationError, match="Images wait to be decided"):
        make_screened_dataset(screening=screening, name="Too early", by=investigator)
    stop(screening=screening, by=investigator)
    with pytest.raises(ClassificationError, match="15 images cannot be drawn: from 1 to 14 can"):
        draw_check_sample(screening=screening, size=15, by=investigator)
    draw_check_sample(screening=screening, size=5, by=investigator)
    screening.refresh_from_db()

    sample = screening.images.filter(check_place__isnull=False)
    assert {row.place for row in sample} <= set(range(DEVICES + 5, 25))
    for number in range(5):
        decide_next(screening, exclude=number == 1, reason="cut off")
    check = selectors.check_of(screening, selectors.queue_of(screening))
    assert (check.share.k, check.share.n, check.rest, check.unseen, check.missed) == (1, 5, 14, 9, 2)
    with pytest.raises(DatasetError, match="called"):
        make_screened_dataset(screening=screening, name="Hospital", by=investigator)
    made = make_screened_dataset(screening=screening, name="Screened", by=investigator)

    excluded = set(screening.images.filter(decision="exclude").values_list("image__pixel_sha256", flat=True))
    assert len(excluded) == DEVICES + 1
    assert set(made.images.values_list("pixel_sha256", flat=True)) == (
        set(adults.images.values_list("pixel_sha256", flat=True)) - excluded
    )
    assert set(made.images.values_list("split", flat=True)) == {"train"}
    record = made.inclusion_record["screening"]
    assert record == {
        "id": str(screening.pk),
        "order": "score",
        "classifier": str(finder.pk),
        "classifier_sha256": finder.sha256,
        "looked_for": "device",
        "seed": 0,
        "confirmed_by": investigator.username,
        "looked_at": DEVICES + 4 + 5,
        "checked": 5,
        "excluded_of_checked": 1,
    }
    words = chart_in_words(made.inclusion_record)
    assert words == (
        "24 images in Hospital; 0 left out; 7 excluded after screening: 5 device, 1 wire, 1 cut off; "
        "17 images after screening"
    )
    chart = ET.fromstring(draw_flow_chart(made.inclusion_record, label="Chart"))  # noqa: S314
    texts = " ".join(one.text for one in chart.iter("{http://www.w3.org/2000/svg}text"))
    assert "7 excluded after screening: 5 device, 1" in texts
    assert set(earlier_rules()) == {"Normal ones"}  # a screening brings no rules to apply again
    screening.refresh_from_db()
    with pytest.raises(ClassificationError, match="has ended"):
        decide(screening=screening, image=screening.images.get(place=1), decision="keep", by=investigator)


def test_the_export_has_every_image_and_what_was_decided(to_screen, investigator):
    screening = begin(to_screen, reviewer=investigator)
    decide_next(screening, exclude=True, reason="cut off")
    decide_next(screening, exclude=False)

    rows = list(csv.DictReader(io.StringIO(export_screening(screening))))

    assert [row["place"] for row in rows] == [str(place) for place in range(1, 25)]
    assert [(row["decision"], row["reason"], row["decided_by"]) for row in rows[:3]] == [
        ("exclude", "cut off", investigator.username),
        ("keep", "", investigator.username),
        ("", "", ""),
    ]
    assert all(row["score"] == "" for row in rows)
    names = {f"I{sha256[:12]}" for sha256 in to_screen.images.values_list("pixel_sha256", flat=True)}
    assert {row["image"] for row in rows} == names


def test_where_nothing_was_excluded_there_is_nothing_to_make(to_screen, investigator):
    screening = begin(to_screen, reviewer=investigator)
    decide_next(screening, exclude=False)
    stop(screening=screening, by=investigator)
    with pytest.raises(ClassificationError, match="No image was excluded"):
        make_screened_dataset(screening=screening, name="Same", by=investigator)
    go_on(screening=screening, by=investigator)
    decide_next(screening, exclude=True)
