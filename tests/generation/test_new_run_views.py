"""The page that starts a training: what it offers, what it refuses in words, and what it starts."""

import re

import pytest
from django.urls import reverse

from generation.gan.config import AcganConfig
from generation.gan.pggan_config import PgganConfig
from generation.models import TrainingRun
from imaging.models import Dataset, Image
from tests.factories import (
    DatasetFactory,
    ImageFactory,
)
from tests.generation.conftest import run_job
from tests.generation.pages import new_address, training_data
from tests.generation.plugin import PluginConfig
from worker.models import Job


class TestClassMix:
    """The presets of Jang 2023's two generators choose classes by their role."""

    def test_the_normal_class_is_known_by_its_name(self, investigator_client, phantoms):
        normal = investigator_client.get(new_address(phantoms, "jang-normal")).context
        abnormal = investigator_client.get(new_address(phantoms, "jang-abnormal"))

        assert (normal["filter_form"]["labels"].value(), normal["limits_form"].begin) == (["normal"], {})
        assert abnormal.context["filter_form"]["labels"].value() is None  # all classes
        assert abnormal.context["limits_form"]["limit_1"].value() == 20_000
        assert "The normal class is “normal”." in " ".join(abnormal.content.decode().split())

    def test_it_is_asked_when_no_name_says_it(self, investigator_client, phantoms):
        Image.objects.filter(label="normal").update(label="clear")
        address = new_address(phantoms, "jang-abnormal")

        question = investigator_client.get(address)
        assert "settings_form" not in question.context
        assert [value for value, _ in question.context["form"].fields["normal"].choices] == ["clear", "lesion", ""]
        answered = investigator_client.get(address + "&normal=clear").context
        assert answered["limits_form"].begin == {"clear": 20_000}
        assert investigator_client.get(address + "&normal=").context["limits_form"].begin == {}  # none of them is
        assert "Select a valid choice" in investigator_client.get(address + "&normal=x").content.decode()

        response = investigator_client.post(
            address + "&normal=clear", training_data(config=PgganConfig(seed=3), limit_0="3", **{"filter-labels": []})
        )
        run = TrainingRun.objects.get()
        assert response["Location"] == run.get_absolute_url()
        assert (run.generator, run.limits) == ("pggan", {"clear": 3})

    def test_another_normal_class_can_be_chosen(self, investigator_client, phantoms):
        address = new_address(phantoms, "jang-normal")

        asked = investigator_client.get(address + "&ask=1")
        other = investigator_client.get(address + "&normal=lesion").context

        assert asked.context["form"]["normal"].value() == "normal"
        assert [value for value, _ in asked.context["form"].fields["normal"].choices] == ["lesion", "normal"]
        assert other["filter_form"]["labels"].value() == ["lesion"]

    def test_another_run_like_it_has_the_same_images(self, investigator_client, run):
        ImageFactory(dataset=run.dataset, label="lesion", split="train")
        ImageFactory(dataset=run.dataset, label="normal", split="")
        TrainingRun.objects.update(filters={"labels": ["normal"], "splits": [""]}, limits={"normal": 7})

        context = investigator_client.get(reverse("generation:run_new") + f"?like={run.pk}").context

        assert context["filter_form"]["labels"].value() == ["normal"]
        assert context["filter_form"]["splits"].value() == ["none"]
        assert context["limits_form"]["limit_1"].value() == 7


class TestNewRun:
    def test_the_form_begins_with_the_preset(self, investigator_client, phantoms):
        kong = investigator_client.get(new_address(phantoms)).context["settings_form"]
        demonstration = investigator_client.get(new_address(phantoms, "demonstration"))

        assert kong["iterations"].value() == 30_000
        assert demonstration.context["settings_form"]["iterations"].value() < 3000
        assert "no material for a reader study" in demonstration.content.decode()

    def test_every_setting_of_the_generator_is_a_field_with_help(self, investigator_client, phantoms):
        form = investigator_client.get(new_address(phantoms)).context["settings_form"]

        settings = set(AcganConfig().to_dict()) - {"image_size"}  # fixed by the architecture
        assert set(form.fields) == settings
        assert [name for name in sorted(settings) if not form.fields[name].help_text] == []

    def test_a_run_is_started(self, investigator_client, investigator, phantoms):
        response = investigator_client.post(
            new_address(phantoms), training_data(**{"set-generator_channels": "16,12, 8"})
        )

        run = TrainingRun.objects.get()
        assert response.status_code == 302
        assert response["Location"] == run.get_absolute_url()
        assert (run.name, run.dataset, run.created_by, run.is_demonstration) == (
            "From the page",
            phantoms,
            investigator,
            False,
        )
        assert AcganConfig.from_dict(run.config) == AcganConfig(iterations=50, seed=3, generator_channels=(16, 12, 8))
        assert run.job.state == Job.State.QUEUED

    def test_a_demonstration_is_marked(self, investigator_client, phantoms):
        address = new_address(phantoms, "demonstration")

        investigator_client.post(address, training_data(name="Short"))
        investigator_client.post(address, training_data(name="Long", **{"set-iterations": 30_000}))

        assert dict(TrainingRun.objects.values_list("name", "is_demonstration")) == {"Short": True, "Long": False}

    def test_filters_are_used(self, investigator_client, phantoms):
        for _ in range(4):
            ImageFactory(dataset=phantoms, label="normal", split=Image.Split.TEST)
        Image.objects.exclude(split=Image.Split.TEST).update(split=Image.Split.TRAIN)

        investigator_client.post(new_address(phantoms), training_data(**{"filter-splits": ["train"]}))

        assert TrainingRun.objects.get().filters == {"splits": ["train"]}

    @pytest.mark.parametrize(
        ("changes", "field", "message"),
        [
            ({"name": ""}, "name", "This field is required."),
            (
                {"gpus": 2, "device": "cpu"},
                "gpus",
                "On a CPU a run has one process. Write 1, or choose Automatic or CUDA GPU above.",
            ),
            ({"set-batch_size": 1}, "batch_size", "Write a whole number from 2 to 4,096."),
            ({"set-batch_size": "many"}, "batch_size", "Enter a whole number."),
            ({"set-dropout": 1}, "dropout", "Write a number from 0 to 0.95."),
            ({"set-latent_std": 0}, "latent_std", "Write a number above 0 and up to 100."),
            ({"set-beta1": 1}, "beta1", "Write a number from 0 and below 1."),
            ({"set-beta1": "inf"}, "beta1", "Enter a number."),
            *[
                (
                    {"set-generator_channels": wrong},
                    "generator_channels",
                    "Write 3 whole numbers from 1 to 4,096, with commas between them.",
                )
                for wrong in ("8, x, 8", "8, 8", "8, 8, 5000", "8.5, 8, 8")
            ],
        ],
    )
    def test_what_cannot_be_trained_is_said_at_its_field(self, investigator_client, phantoms, changes, field, message):
        response = investigator_client.post(new_address(phantoms), training_data(**changes))

        assert response.status_code == 200
        errors = {**response.context["form"].errors, **response.context["settings_form"].errors}
        assert errors == {field: [message]}
        assert message in response.content.decode()
        assert not TrainingRun.objects.exists()

    def test_a_mistake_under_more_settings_opens_them(self, investigator_client, phantoms):
        right = investigator_client.post(new_address(phantoms), training_data(name="")).content.decode()
        wrong = investigator_client.post(new_address(phantoms), training_data(**{"set-dropout": 2})).content.decode()

        assert "<details >" in right
        assert "<details open>" in wrong

    def test_the_most_images_of_a_class_and_what_is_measured(self, investigator_client, phantoms):
        sent = training_data(limit_0=4, limit_1="", best_by="kid", keep_best=2)

        investigator_client.post(new_address(phantoms), sent)

        run = TrainingRun.objects.get()
        assert (run.limits, run.best_by, run.keep_best) == ({"lesion": 4}, "kid", 2)
        assert run.job.parameters["limits"] == {"lesion": 4}
        page = investigator_client.get(run.get_absolute_url()).content.decode()
        assert "at most 4 of lesion" in page

    @pytest.mark.parametrize(("sent", "expected"), [({"gpus": 2}, 2), ({"gpus": ""}, 1), ({}, 1)])
    def test_gpus_to_use(self, investigator_client, phantoms, sent, expected):
        investigator_client.post(new_address(phantoms), training_data(**sent))

        assert TrainingRun.objects.get().job.parameters["processes"] == expected

    @pytest.mark.sqlite_is_enough
    def test_memory_is_estimated_before_anything_is_started(self, investigator_client, phantoms):
        response = investigator_client.post(new_address(phantoms), training_data(estimate="1", name="Kept"))

        assert re.match(
            r"About \d+\.\d\d GB: \d+\.\d\d for a step of 64 images of 56 pixels, ", response.context["estimate"]
        )
        assert response.context["form"]["name"].value() == "Kept"
        assert not TrainingRun.objects.exists()

    def test_memory_of_settings_that_cannot_be_used_is_not_estimated(self, investigator_client, phantoms):
        sent = training_data(estimate="1", **{"set-batch_size": 1})

        response = investigator_client.post(new_address(phantoms), sent)

        assert response.context["estimate"] == ""
        assert "batch_size" in response.context["settings_form"].errors

    def test_too_few_images_are_said_on_the_page(self, investigator_client, phantoms):
        response = investigator_client.post(new_address(phantoms), training_data(**{"filter-labels": ["normal"]}))

        assert "5 images in “Phantoms” (label normal); a generator needs at least 8." in response.content.decode()

    def test_synthetic_sets_cannot_be_chosen(self, investigator_client):
        dataset = DatasetFactory(origin=Dataset.Origin.SYNTHETIC)

        response = investigator_client.get(new_address(dataset))

        assert "form" in response.context
        assert response.context["form"].errors["dataset"]


class TestAnyGenerator:
    """A generator that was registered is chosen, set and started like those that come with the product."""

    def test_it_can_be_chosen_with_its_own_defaults(self, investigator_client, phantoms, plugin):
        page = investigator_client.get(reverse("generation:run_new")).content.decode()
        form = investigator_client.get(new_address(phantoms, "plugin")).context["settings_form"]

        assert "Plug-in 16 x 16" in page
        assert [field.name for field in form.main_fields] == ["total_kimg", "batch_size", "seed", "mirror"]
        assert (form["betas"].value(), form["precision"].value()) == ("0.0, 0.99", "float32")
        assert "image_size" not in form.fields

    def test_it_is_started_with_every_kind_of_setting(self, investigator_client, phantoms, plugin):
        config = PluginConfig(mirror=True, depth=2, betas=(0.5, 0.9), precision="bfloat16", channels=3, seed=5)

        response = investigator_client.post(new_address(phantoms, "plugin"), training_data(config=config))

        run = TrainingRun.objects.get()
        assert response["Location"] == run.get_absolute_url()
        assert run.generator == "plugin"
        assert PluginConfig.from_dict(run.config) == config
        page = investigator_client.get(run.get_absolute_url()).content.decode()
        assert "bfloat16 (half the memory)" in page
        assert "0.5, 0.9" in page

    @pytest.mark.django_db(transaction=True)
    def test_it_is_trained_and_continued_through_the_pages(self, investigator_client, phantoms, plugin):
        investigator_client.post(new_address(phantoms, "plugin"), training_data(config=PluginConfig()))
        run = TrainingRun.objects.get()

        run_job(run.job)

        assert run.job.state == Job.State.SUCCEEDED, run.job.error
        assert list(run.checkpoints.values_list("images_seen", flat=True)) == [20, 40, 60, 80]
        page = investigator_client.get(run.get_absolute_url())
        assert [grid["step"] for grid in page.context["grid_list"]] == [0, 20, 40, 60, 80]
        assert "0.08 thousand images" in page.content.decode()

        investigator_client.post(reverse("generation:run_continue", args=[run.pk]), {"length": 0.12})
        run_job(run.job)

        assert run.job.state == Job.State.SUCCEEDED, run.job.error
        assert run.job.result["images_seen"] == run.job.progress_done == 120
        assert any("Going on after 80 images" in line.text for line in run.job.log_lines.all())

    @pytest.mark.parametrize(
        ("changes", "errors"),
        [
            ({"set-betas": "0.5"}, {"betas": ["Write 2 numbers from 0 and below 1, with commas between them."]}),
            (
                {"set-precision": "int8"},
                {"precision": ["Select a valid choice. int8 is not one of the available choices."]},
            ),
            ({"set-batch_size": 6, "set-depth": 4}, {"batch_size": ["Batch size 6 is no multiple of the depth 4"]}),
        ],
    )
    def test_mistakes_are_at_their_field(self, investigator_client, phantoms, plugin, changes, errors):
        sent = training_data(config=PluginConfig(), **changes)

        response = investigator_client.post(new_address(phantoms, "plugin"), sent)

        assert response.context["settings_form"].errors == errors
        assert not TrainingRun.objects.exists()
