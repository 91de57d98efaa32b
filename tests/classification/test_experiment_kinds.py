"""The other kinds of experiment, run by the worker's own code: one classifier, what begins with it, Jang's, readers."""

from dataclasses import replace

import numpy as np
import pytest

from classification.cnn.checkpoint import load_classifier, load_safely, save_atomically
from classification.cnn.config import JangSettings, SingleSettings
from classification.loading import open_classifier
from classification.models import Classifier, Experiment
from classification.selectors import origin_rows, seen_by
from classification.services import ClassificationError, start_experiment
from imaging.models import Image
from tests.classification.conftest import CONFIG, fill, picture
from tests.factories import DatasetFactory, ImageFactory, TrainingRunFactory
from tests.generation.conftest import run_job
from worker.compute.weights import WeightsError
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)

WHOLE = replace(CONFIG, fine_tune=True, epochs=2, batch_size=4, learning_rate=1e-3, batch_norm="trained")


def run(**values) -> Experiment:
    experiment = start_experiment(
        **{"positive": "pneumonia", "config": CONFIG, "weights": {"kind": "none"}, "created_by": None, **values}
    )
    run_job(experiment.job)
    experiment.refresh_from_db()
    return experiment


def one_classifier(dataset, name="Begin", **values) -> Classifier:
    experiment = run(name=name, kind="single", dataset=dataset, design=SingleSettings(), **values)
    assert experiment.job.state == Job.State.SUCCEEDED, experiment.job.error
    return experiment.classifiers.get()


@pytest.fixture
def other(db):
    """As `real`, of other patients; split."""
    dataset = DatasetFactory(name="Other")
    for number, split in enumerate(("train", "tune", "test")):
        fill(dataset, {"normal": 4, "pneumonia": 4}, first=500 + 20 * number, split=split)
    return dataset


def test_one_classifier_learns_from_real_images_alone_and_is_tested(real):
    classifier = one_classifier(real)
    results = classifier.experiment.results

    assert results["arms"] == [
        {
            "name": "Classifier",
            "title": "All training images",
            "augmented": False,
            "counts": [
                {"label": "normal", "real": 6, "synthetic": 0},
                {"label": "pneumonia", "real": 4, "synthetic": 0},
            ],
        }
    ]
    assert [one["n_positive"] for one in results["test_sets"]["test set"]["measures"]] == [8]
    assert (classifier.arm, classifier.seed, classifier.fine_tuned) == ("Classifier", 3, False)


def test_a_whole_network_begins_another_experiment(real, other):
    first = one_classifier(other, config=WHOLE)
    assert first.fine_tuned

    second = one_classifier(real, name="Go on", weights={"kind": "classifier", "classifier": str(first.pk)})

    assert second.experiment.results["weights"]["title"] == f"the classifier “{first}”"
    extractor, _ = open_classifier(second, device="cpu")
    trained = load_classifier(first.path).backbone_state
    for name, values in extractor.backbone.module.state_dict().items():
        np.testing.assert_array_equal(values.numpy(), trained[name].numpy())
    everyone = Image.objects.filter(split__in=["train", "tune"])
    assert seen_by(second).images == frozenset(everyone.values_list("pixel_sha256", flat=True))
    assert seen_by(second).patients == frozenset(everyone.values_list("patient_pseudonym", flat=True))


def test_images_that_the_beginning_has_seen_are_no_test_images(real, other):
    first = one_classifier(other, config=WHOLE)
    tested = real.images.filter(split="test").order_by("pixel_sha256").first()
    seen = other.images.filter(split="train").first()
    Image.objects.filter(pk=tested.pk).update(patient_pseudonym=seen.patient_pseudonym)

    second = run(
        name="Go on",
        kind="single",
        dataset=real,
        design=SingleSettings(),
        weights={"kind": "classifier", "classifier": str(first.pk)},
    )

    assert second.job.state == Job.State.FAILED
    assert f"trained on 1 image ({tested.pixel_sha256[:12]}) of the test set" in second.job.error


def test_a_beginning_that_was_lost_or_exchanged_is_said(real, other):
    first = one_classifier(other, config=WHOLE)
    second = one_classifier(real, name="Go on", weights={"kind": "classifier", "classifier": str(first.pk)})
    first.path.write_bytes(first.path.read_bytes()[:-1])

    with pytest.raises(WeightsError, match="has changed since it was recorded"):
        open_classifier(second, device="cpu")


def test_only_a_whole_network_of_the_same_kind_can_be_begun_with(real, other):
    head = one_classifier(other)
    whole = one_classifier(other, name="Whole", config=WHOLE)

    def start(classifier, config=CONFIG):
        weights = {"kind": "classifier", "classifier": str(classifier.pk)}
        return run(name="No", kind="single", dataset=real, design=SingleSettings(), weights=weights, config=config)

    with pytest.raises(ClassificationError, match="only its head was trained"):
        start(head)
    with pytest.raises(ClassificationError, match="is a resnet18; with it the backbone must be that too"):
        start(whole, replace(CONFIG, backbone="resnet50"))


def test_random_weights_have_no_statistics_to_keep(real):
    with pytest.raises(ClassificationError, match="no statistics of batch normalisation"):
        run(
            name="No",
            kind="single",
            dataset=real,
            design=SingleSettings(),
            config=replace(WHOLE, batch_norm="frozen"),
        )


def test_jangs_experiment_with_chance_and_with_a_classifier_that_chooses(real, synthetic, other):
    chooser = one_classifier(other)
    design = JangSettings(per_class=4, replaced_percent=50, larger_by=3, seeds=2)
    by_chance = run(name="Chance", kind="jang", dataset=real, synthetic=synthetic, design=design)
    by_score = run(
        name="Score",
        kind="jang",
        dataset=real,
        synthetic=synthetic,
        design=replace(design, selection="score"),
        chooser=chooser,
    )

    for experiment in (by_chance, by_score):
        assert experiment.job.state == Job.State.SUCCEEDED, experiment.job.error
        assert {
            arm["name"]: [(one["real"], one["synthetic"]) for one in arm["counts"]]
            for arm in experiment.results["arms"]
        } == {"Real": [(4, 0), (4, 0)], "Real + synthetic": [(4, 0), (2, 2)], "Larger": [(4, 3), (4, 3)]}
        compared = experiment.results["test_sets"]["test set"]["comparisons"]
        assert (compared["reference"], len(compared["against"])) == ("Real", 2)
    assert by_chance.chooser is None
    assert by_chance.classifiers.count() == 6
    scores = [[arm["areas"]["auc"]["value"] for arm in one.results["test_sets"]["test set"]["measures"]] for one in
              (by_chance, by_score)]  # fmt: skip
    assert scores[0][0] == scores[1][0]  # real images alone: nothing was chosen


def test_a_network_that_gives_no_numbers_is_said_in_words(real, other):
    first = one_classifier(other, config=WHOLE)
    values = load_safely(first.path)
    next(iter(values["backbone_state"].values())).fill_(float("nan"))
    Classifier.objects.filter(pk=first.pk).update(sha256=save_atomically(first.path, values))

    second = run(
        name="Go on",
        kind="single",
        dataset=real,
        design=SingleSettings(),
        weights={"kind": "classifier", "classifier": str(first.pk)},
    )

    assert second.job.state == Job.State.FAILED
    assert "not finite numbers: its weights are damaged, or its training ran away" in second.job.error


def test_the_page_of_the_job_says_what_is_asked_and_leads_to_the_experiment(real, client, investigator):
    experiment = start_experiment(
        name="One",
        kind="single",
        dataset=real,
        positive="pneumonia",
        config=CONFIG,
        design=SingleSettings(),
        weights={"kind": "none"},
        created_by=None,
    )
    client.force_login(investigator)
    page = client.get(experiment.job.get_absolute_url()).content.decode()

    for words in ("One classifier", "Chests", "pneumonia", experiment.get_absolute_url()):
        assert words in page


def test_a_score_that_stands_for_another_class_chooses_nothing(real, synthetic, other):
    chooser = one_classifier(other, positive="normal")
    design = JangSettings(per_class=4, selection="score")

    for one, words in ((None, "Choose the classifier"), (chooser, "stands for normal, not for pneumonia")):
        with pytest.raises(ClassificationError, match=words):
            run(name="No", kind="jang", dataset=real, synthetic=synthetic, design=design, chooser=one)


def test_a_machine_reader_learns_real_from_synthetic(real, synthetic):
    synthetic.images.all().delete()
    fill_striped(synthetic, 30)

    reader = run(
        name="Machine",
        kind="origin",
        dataset=real,
        synthetic=synthetic,
        positive="synthetic",
        design=SingleSettings(),
    )

    assert reader.job.state == Job.State.SUCCEEDED, reader.job.error
    assert reader.classes == ["real", "synthetic"]
    measured = reader.results["test_sets"]["test set"]["measures"][0]
    # 36 real images, 30 synthetic: 30 / 36 of every split, as many of one as of the other
    assert (measured["n_positive"], measured["n_negative"]) == (13, 13)
    assert measured["areas"]["auc"]["value"] > 0.95
    assert [one["synthetic"] for one in reader.results["arms"][0]["counts"]] == [0, 8]


def fill_striped(dataset, count) -> None:
    """Images of a generator that gives itself away."""
    training = TrainingRunFactory(filters={"splits": ["train"]})
    for number in range(count):
        pixels = picture(label="normal", seed=900 + number)
        pixels[::2] = 255
        ImageFactory(
            dataset=dataset, label=("normal", "pneumonia")[number % 2], pixels=pixels,
            provenance={"run": str(training.pk)},
        )  # fmt: skip


def test_a_machine_reader_of_few_synthetic_images_leaves_real_ones_out(real, synthetic):
    experiment = start_experiment(
        name="Machine",
        kind="origin",
        dataset=real,
        synthetic=synthetic,
        positive="synthetic",
        config=CONFIG,
        design=SingleSettings(),
        weights={"kind": "none"},
        created_by=None,
    )
    synthetic.images.filter(pk__in=list(synthetic.images.values_list("pk", flat=True)[18:])).delete()

    rows = origin_rows(experiment)

    assert {split: len(one) for split, one in rows.items()} == {"train": 10, "tune": 10, "test": 16}
    for one in rows.values():
        assert sum(row.synthetic for row in one) * 2 == len(one)
    made = [row.sha256 for one in rows.values() for row in one if row.synthetic]
    assert len(set(made)) == len(made) == 18


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positive": "pneumonia"}, "positive class of a machine reader"),
        ({"design": JangSettings()}, "must be SingleSettings"),
        ({"synthetic": None}, "Choose the synthetic images"),
    ],
)
def test_what_a_machine_reader_cannot_be_is_refused(real, synthetic, changes, words):
    values = {"name": "No", "kind": "origin", "dataset": real, "synthetic": synthetic, "positive": "synthetic"}

    with pytest.raises(ClassificationError, match=words):
        run(**{**values, "design": SingleSettings(), **changes})
