"""Pages of experiments: who sees them, what a new one asks, what is kept of the answers."""

import pytest
from django.urls import reverse

from classification.cnn.config import PRESETS, ClassifierConfig, SweepSettings
from classification.models import Classifier, Experiment
from classification.selectors import DESIGNS
from tests.classification.test_services import dataset
from tests.factories import DatasetFactory, ExperimentFactory
from worker.setting_fields import SettingsForm

pytestmark = pytest.mark.django_db


@pytest.fixture
def real():
    return dataset("Chests")


@pytest.fixture
def synthetic():
    return dataset("Made", origin="synthetic", splits=("",), first=50)


def sent_by_browser(initial, prefix):
    """What a browser sends of the unchanged form of these settings."""
    values = {}
    for field in SettingsForm(initial=initial, prefix=prefix):
        value = field.field.widget.format_value(field.field.prepare_value(field.value()))
        if field.widget_type != "checkbox":
            values[field.html_name] = value[0] if isinstance(value, list) else value
        elif field.value():
            values[field.html_name] = "on"
    return values


def answers(synthetic, **changes):
    return {
        "name": "Does it help?",
        "positive": "pneumonia",
        "synthetic": str(synthetic.pk),
        "device": "auto",
        "begin_with": "none",
        "limit_0": "3",
        "limit_1": "",
        **sent_by_browser(PRESETS["kong"].make(5), "set"),
        **sent_by_browser(SweepSettings(), "design"),
        **changes,
    }


def new_address(real, preset="kong", kind="kong"):
    return f"{reverse('classification:experiment_new')}?dataset={real.pk}&kind={kind}&preset={preset}"


def test_only_investigators_see_anything(client, reader, investigator, real):
    experiment = ExperimentFactory()
    addresses = [
        reverse("classification:experiment_list"),
        reverse("classification:experiment_new"),
        new_address(real),
        experiment.get_absolute_url(),
    ]

    anonymous = [client.get(address).status_code for address in addresses]
    client.force_login(reader)
    forbidden = [client.get(address).status_code for address in addresses]
    posted = [client.post(address).status_code for address in addresses]
    client.force_login(investigator)
    allowed = [client.get(address).status_code for address in addresses]

    assert (anonymous, forbidden, posted, allowed) == ([302] * 4, [403] * 4, [403] * 4, [200] * 4)


@pytest.mark.parametrize("n", [1, 3])
def test_the_list_takes_constant_queries(n, investigator_client, django_assert_num_queries):
    ExperimentFactory.create_batch(n)

    with django_assert_num_queries(5):
        page = investigator_client.get(reverse("classification:experiment_list"))

    assert page.content.decode().count('<th scope="row"') == n


def test_an_empty_list_says_what_an_experiment_is(investigator_client):
    page = investigator_client.get(reverse("classification:experiment_list")).content.decode()

    assert "No experiments yet" in page


@pytest.mark.parametrize("preset", PRESETS)
def test_an_unchanged_form_starts_what_the_preset_says(preset, investigator_client, real, synthetic):
    values = answers(synthetic) | sent_by_browser(PRESETS[preset].make(5), "set")

    answer = investigator_client.post(new_address(real, preset), values)

    started = Experiment.objects.get()
    assert answer.url == started.get_absolute_url()
    assert ClassifierConfig.from_dict(started.config) == PRESETS[preset].make(5)
    assert SweepSettings.from_dict(started.design) == SweepSettings()
    assert (started.limits, started.weights, started.synthetic) == ({"normal": 3}, {"kind": "none"}, synthetic)
    assert started.is_demonstration is PRESETS[preset].is_demonstration


@pytest.mark.parametrize(
    ("kind", "unused", "positive"),
    [
        ("jang", {"external"}, "pneumonia"),
        ("single", {"external", "synthetic", "chooser"}, "pneumonia"),
        ("origin", {"external", "chooser", "positive"}, "synthetic"),
    ],
)
def test_each_kind_asks_what_it_needs(kind, unused, positive, investigator_client, real, synthetic):
    address = new_address(real, kind=kind)
    asked = {"name", "positive", "synthetic", "external", "chooser", "device"} - unused
    assert set(investigator_client.get(address).context["form"].fields) == asked

    design = sent_by_browser(DESIGNS[kind](), "design")
    answer = investigator_client.post(address, answers(synthetic) | design | {"chooser": ""})

    started = Experiment.objects.get()
    assert answer.url == started.get_absolute_url()
    assert (started.kind, started.positive) == (kind, positive)
    assert DESIGNS[kind].from_dict(started.design) == DESIGNS[kind]()
    assert started.get_kind_display() in investigator_client.get(answer.url).content.decode()


def test_a_whole_network_that_was_trained_here_is_offered_to_begin_with(investigator_client, real, synthetic):
    before = ExperimentFactory(config=ClassifierConfig(fine_tune=True).to_dict())
    whole = Classifier.objects.create(experiment=before, arm="OD", seed=1, file_name="a", sha256="0", fine_tuned=True)
    Classifier.objects.create(experiment=before, arm="OD", seed=2, file_name="b", sha256="0")

    form = investigator_client.get(new_address(real)).context["weights_form"]
    investigator_client.post(new_address(real), answers(synthetic, begin_with=f"classifier:{whole.pk}"))

    assert [value for value, _ in form.fields["begin_with"].choices] == ["none", f"classifier:{whole.pk}"]
    started = Experiment.objects.latest("created_at")
    assert started.weights == {"kind": "classifier", "classifier": str(whole.pk)}
    assert str(whole) in investigator_client.get(started.get_absolute_url()).content.decode()


def test_a_setting_out_of_range_is_refused_beside_it(investigator_client, real, synthetic):
    page = investigator_client.post(new_address(real), answers(synthetic, **{"set-epochs": "0"}))

    assert page.context["classifier_form"].errors == {"epochs": ["Write a whole number from 1 to 100,000."]}
    assert not Experiment.objects.exists()


def test_a_dataset_that_is_not_split_is_sent_to_be_split(investigator_client, synthetic):
    whole = dataset("Whole", splits=("",))

    page = investigator_client.get(new_address(whole)).content.decode()
    refused = investigator_client.post(new_address(whole), answers(synthetic))

    assert reverse("imaging:dataset_split", args=[whole.pk]) in page
    assert "has no training images" in refused.content.decode()
    assert not Experiment.objects.exists()


def test_files_of_weights_are_offered(investigator_client, real, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "densenet121-a639ec97.pth").write_bytes(b"")

    form = investigator_client.get(new_address(real)).context["weights_form"]

    assert [value for value, _ in form.fields["begin_with"].choices] == ["none", "file:densenet121-a639ec97.pth"]


def test_an_experiment_that_waits_shows_what_it_was_asked(investigator_client):
    experiment = ExperimentFactory(name="Does it help?", limits={"normal": 124}, dataset__name="Chests")
    experiment.external.add(DatasetFactory(name="Elsewhere"))

    page = investigator_client.get(experiment.get_absolute_url()).content.decode()

    for words in ("Does it help?", "Chests", "at most 124 training images of normal", "Elsewhere", "DenseNet-121"):
        assert words in page
    assert "What it comes to" not in page
