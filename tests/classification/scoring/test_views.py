"""Pages of scores: who sees them and when, what they say, what is on record afterwards."""

import csv
import io

import pytest
from django.urls import reverse

from classification.models import Experiment, Explanation, Scoring
from classification.scoring.making import make_dataset_results, make_study_results
from classification.scoring.results import LearntImages
from classification.scoring.selectors import scored_dataset_images, scored_study_images
from classification.scoring.services import record_scores, record_scoring_results, start_scoring
from tests.classification.scoring.conftest import close
from tests.factories import ClassifierFactory, ImageFactory, ScoringFactory
from tests.turing.builders import make_draft
from tests.turing.results.readings import read
from turing.models import AuditEvent, TrialTruth
from turing.results.beside import read_images
from turing.services import open_study

pytestmark = pytest.mark.django_db

NOTHING, SOME = LearntImages(n_same=0, n_patients=0), LearntImages(n_same=2, n_patients=1)


@pytest.fixture
def origin_classifier():
    return ClassifierFactory(
        arm="Machine reader",
        experiment__name="Who is real?",
        experiment__kind=Experiment.Kind.ORIGIN,
        experiment__classes=["real", "synthetic"],
        experiment__positive="synthetic",
    )


def of_study(study, classifier, *, learnt=NOTHING) -> Scoring:
    """Finished, without figures: real images have 0.00, 0.01, ... and synthetic ones 0.99, 0.98, ... as scores."""
    scoring = ScoringFactory(classifier=classifier, study=study, dataset=None)
    scores = {
        one.image_id: 0.99 - place / 100 if one.is_synthetic else place / 100
        for place, one in enumerate(read_images(study))
    }
    flagged = frozenset(list(scores)[: learnt.n])
    record_scores(scoring=scoring, scores=scores, learnt=flagged)
    images = [scored for _, scored in scored_study_images(scoring)]
    results = make_study_results(scoring, images, learnt=learnt)
    record_scoring_results(scoring=scoring, results=results.to_dict())
    return scoring


def addresses(scoring):
    return [
        reverse("classification:study_scores", args=[scoring.study_id]),
        scoring.get_absolute_url(),
        reverse("classification:scoring_csv", args=[scoring.pk]),
    ]


def test_only_investigators_see_scores(client, reader, investigator, closed, origin_classifier):
    scoring = of_study(closed, origin_classifier)
    dataset = ScoringFactory().dataset
    pages = [*addresses(scoring), reverse("classification:dataset_scores", args=[dataset.pk])]

    anonymous = [client.get(address).status_code for address in pages]
    client.force_login(reader)
    forbidden = [client.get(address).status_code for address in pages]
    posted = [client.post(address).status_code for address in pages]
    client.force_login(investigator)
    allowed = [client.get(address).status_code for address in pages]

    assert (anonymous, forbidden, allowed) == ([302] * 4, [403] * 4, [200] * 4)
    assert set(posted) <= {403, 405}


@pytest.mark.parametrize("is_open", [False, True])
def test_before_closing_nobody_sees_or_starts_scores(is_open, admin_client, investigator_client, origin_classifier):
    study = make_draft(name="Can you tell?")
    if is_open:
        study = open_study(study=study, by=None)
    scoring = ScoringFactory(classifier=origin_classifier, study=study, dataset=None)  # as nobody can make one
    image = TrialTruth.objects.filter(trial__study=study).first()
    if image is not None:
        record_scores(scoring=scoring, scores={image.image_id: 0.123456})

    for client in (investigator_client, admin_client):
        answers = [client.get(address) for address in addresses(scoring)]
        posted = client.post(addresses(scoring)[0], {"classifier": str(origin_classifier.pk), "device": "auto"})
        assert [answer.status_code for answer in [*answers, posted]] == [403] * 4
        assert "is not closed. A score can tell which images are synthetic" in answers[0].content.decode()
        assert not any(b"0.123" in answer.content for answer in answers)
    assert Scoring.objects.count() == 1


def test_the_results_of_a_study_lead_to_its_scores(investigator_client, closed):
    page = investigator_client.get(reverse("turing:study_results", args=[closed.pk])).content.decode()

    assert reverse("classification:study_scores", args=[closed.pk]) in page
    assert "Scores of classifiers" in page


def test_without_classifiers_the_page_says_where_they_come_from(investigator_client, closed):
    page = investigator_client.get(reverse("classification:study_scores", args=[closed.pk])).content.decode()

    assert "No classifiers yet" in page
    assert reverse("classification:experiment_new") in page


def test_a_classifier_is_chosen_by_what_it_tells_apart(investigator_client, closed, origin_classifier):
    other = ClassifierFactory(experiment__name="Does it help?", arm="GCB", seed=4)
    address = reverse("classification:study_scores", args=[closed.pk])

    choices = [words for _, words in investigator_client.get(address).context["form"].fields["classifier"].choices]
    missing = investigator_client.post(address, {"device": "auto"})
    answer = investigator_client.post(address, {"classifier": str(other.pk), "device": "cpu"})

    assert choices == [
        "Choose a classifier",
        f"synthetic or real: “Who is real?”, Machine reader, seed {origin_classifier.seed}",
        "pneumonia or normal: “Does it help?”, GCB, seed 4",
    ]
    assert missing.context["form"].errors == {"classifier": ["This field is required."]}
    scoring = Scoring.objects.get()
    assert (answer.url, scoring.classifier, scoring.study) == (scoring.get_absolute_url(), other, closed)
    assert scoring.job.parameters["device"] == "cpu"
    again = investigator_client.post(address, {"classifier": str(other.pk), "device": "cpu"})
    assert "being computed already" in again.content.decode()


@pytest.mark.parametrize("n", [1, 3])
def test_the_list_takes_constant_queries(n, investigator_client, closed, django_assert_num_queries):
    ScoringFactory.create_batch(n, study=closed, dataset=None)

    with django_assert_num_queries(7):
        page = investigator_client.get(reverse("classification:study_scores", args=[closed.pk]))

    assert page.content.decode().count('<th scope="row"') == n


def test_the_page_of_a_machine_reader_shows_it_beside_the_readers(investigator_client, closed, origin_classifier):
    scoring = of_study(closed, origin_classifier)

    page = investigator_client.get(scoring.get_absolute_url())
    text = page.content.decode()

    for words in (
        "The machine reader beside the readers",
        "Sensitivity (synthetic called synthetic)",
        "Specificity (real called real)",
        "All images: synthetic against real",
        "Spearman",
        "when its score is 0.5 or more",
        "16 of 16",  # told apart without an error, as Ann did
        "Images all readers caught",
    ):
        assert words in text
    caught = page.context["caught"]
    scores = {one.image_id: one.score for one in scoring.scores.all()}
    assert [one.score for one in caught] == sorted((scores[one.image.pk] for one in caught), reverse=True)
    assert {one.position for one in caught} == set(page.context["results"].caught) != set()
    assert text.count("of the study, ") == len(caught)
    assert "were known to the classifier" not in text


def test_the_page_of_the_job_leads_to_the_scores(investigator_client, closed, origin_classifier):
    scoring = start_scoring(classifier=origin_classifier, study=closed, created_by=None)

    text = investigator_client.get(scoring.job.get_absolute_url()).content.decode()

    for words in (f'href="{scoring.get_absolute_url()}"', "The scores", "Can you tell?", str(origin_classifier)):
        assert words in text


def test_images_that_it_learnt_from_are_said_plainly(investigator_client, closed, origin_classifier):
    scoring = of_study(closed, origin_classifier, learnt=SOME)

    text = investigator_client.get(scoring.get_absolute_url()).content.decode()

    assert "3 of the 16 images were known to the classifier" in text
    assert "Machine reader, without images that it learnt from" in text
    assert "Without the images that the classifier learnt from." in text


def test_another_classifier_has_no_row_beside_the_readers(investigator_client, closed):
    scoring = of_study(closed, ClassifierFactory())

    text = investigator_client.get(scoring.get_absolute_url()).content.decode()

    assert "The machine reader beside the readers" not in text
    assert "Real images: pneumonia against normal" in text
    assert "Do readers more often call an image synthetic when its score is high?" in text


def test_maps_of_the_caught_images_are_started_for_a_class(investigator_client, closed, origin_classifier):
    scoring = of_study(closed, origin_classifier)
    address = reverse("classification:scoring_explain", args=[scoring.pk])

    answer = investigator_client.post(address, {"class_name": "synthetic"})
    unknown = investigator_client.post(address, {"class_name": "elephant"}, follow=True)

    explanation = Explanation.objects.get()
    page = investigator_client.get(scoring.get_absolute_url())
    assert answer.url == explanation.get_absolute_url()
    assert (explanation.classifier, explanation.class_name) == (origin_classifier, "synthetic")
    assert explanation.image_ids == [str(one.image.pk) for one in page.context["caught"]]
    assert page.context["explanations"] == [explanation]
    assert "it knows no" in unknown.content.decode()


def test_without_caught_images_there_are_no_maps(investigator_client, reader, client, origin_classifier):
    study = open_study(study=make_draft(), by=None)
    read(study, lambda trial, times: "real")
    read(study, lambda trial, times: "real")
    scoring = of_study(close(study), origin_classifier)
    address = reverse("classification:scoring_explain", args=[scoring.pk])

    page = investigator_client.get(scoring.get_absolute_url()).content.decode()
    answer = investigator_client.post(address, {"class_name": "synthetic"}, follow=True)
    client.force_login(reader)

    assert "No synthetic image was called synthetic by all 2 readers." in page
    assert "Show where the classifier looks" not in page
    assert "0 images were chosen" in answer.content.decode()
    assert client.post(address, {"class_name": "synthetic"}).status_code == 403
    assert not Explanation.objects.exists()


@pytest.mark.parametrize("positive", ["real", "synthetic"])
def test_of_pairs_the_machine_reader_has_one_share(positive, investigator_client, origin_classifier):
    study = open_study(study=make_draft(n_real=3, n_synthetic=3, scale="pair", positive_class=positive), by=None)
    read(study, lambda trial, times: "left")
    scoring = of_study(close(study), origin_classifier)

    text = investigator_client.get(scoring.get_absolute_url()).content.decode()

    assert "Share of pairs in which the synthetic image was found" in text
    machine, reader = scoring.results["readers"]
    assert [(share["k"], share["n"]) for share in machine["shares"]] == [(3, 3)]  # its scores make no error
    assert [share["n"] for share in reader["shares"]] == [3]
    assert "Images all readers caught" not in text


def test_a_look_and_an_export_are_on_record(investigator_client, closed, origin_classifier):
    scoring = of_study(closed, origin_classifier)

    investigator_client.get(scoring.get_absolute_url())
    investigator_client.get(reverse("classification:scoring_csv", args=[scoring.pk]))

    events = AuditEvent.objects.filter(object_id=str(closed.pk), action__contains="scores")
    assert list(events.values_list("action", flat=True).order_by("sequence")) == [
        "results.scores_viewed",
        "results.scores_exported",
    ]


def test_the_export_has_truth_scores_and_what_readers_said(investigator_client, closed, origin_classifier):
    scoring = of_study(closed, origin_classifier)

    answer = investigator_client.get(reverse("classification:scoring_csv", args=[scoring.pk]))

    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert answer["Content-Disposition"] == 'attachment; filename="can-you-tell-scores.csv"'
    assert len(rows) == 16
    for row in rows:
        position = int(row["position"])
        says = {"Ann": row["truth"], "Bob": "synthetic"}
        right = position % 3 != 0
        says["Cid"] = row["truth"] if right else {"real": "synthetic", "synthetic": "real"}[row["truth"]]
        called = sum(said == "synthetic" for said in says.values())
        assert (int(row["answers"]), int(row["called_synthetic"])) == (3, called)
        assert float(row["share_synthetic"]) == pytest.approx(called / 3, abs=1e-6)
        truth = TrialTruth.objects.get(trial__study=closed, trial__position=position)
        assert (row["truth"], row["label"]) == (truth.origin, truth.label)
        assert float(row["score"]) == scoring.scores.get(image=truth.image).score


def test_a_dataset_shows_its_images_by_score(investigator_client):
    scoring = ScoringFactory(dataset__name="Chests")
    images = [ImageFactory(dataset=scoring.dataset, label=label) for label in ("normal", "pneumonia") * 15]
    record_scores(scoring=scoring, scores={one.pk: place / 40 for place, one in enumerate(images)})
    results = make_dataset_results(scoring, scored_dataset_images(scoring), learnt=NOTHING)
    record_scoring_results(scoring=scoring, results=results.to_dict())

    highest = investigator_client.get(scoring.get_absolute_url())
    lowest = investigator_client.get(scoring.get_absolute_url(), {"order": "lowest", "page": 2})

    assert [one.image for one in highest.context["page_obj"]] == images[:5:-1]
    assert [one.image for one in lowest.context["page_obj"]] == images[24:]
    assert "Images: pneumonia against normal" in highest.content.decode()
    assert "The machine reader" not in highest.content.decode()


def test_a_dataset_can_be_scored_from_its_page(investigator_client, origin_classifier):
    dataset = ImageFactory().dataset
    address = reverse("classification:dataset_scores", args=[dataset.pk])

    chosen = investigator_client.get(address, {"classifier": str(origin_classifier.pk)})
    answer = investigator_client.post(address, {"classifier": str(origin_classifier.pk), "device": "auto"})

    assert f'value="{origin_classifier.pk}" selected' in chosen.content.decode()
    assert "The dataset is frozen when the scoring starts" in chosen.content.decode()
    assert answer.url == Scoring.objects.get().get_absolute_url()
