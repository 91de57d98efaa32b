"""Pages: who may open them, what they show, and what their forms start."""

import re
from dataclasses import fields
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generation.gan.config import AcganConfig
from generation.gan.pggan_config import PgganConfig
from generation.models import SampleRun, TrainingRun
from generation.services import start_sampling
from imaging.models import Dataset, Image
from tests.factories import (
    CheckpointFactory,
    DatasetFactory,
    ImageFactory,
    JobFactory,
    SampleRunFactory,
    TrainingRunFactory,
)
from tests.generation.conftest import run_job
from tests.generation.plugin import PluginConfig
from worker.compute.settings import Settings, setting_range
from worker.models import Job, JobArtefact
from worker.services import request_cancel, resume_job


@pytest.fixture
def run(db) -> TrainingRun:
    return TrainingRunFactory(name="Chest run", dataset__name="Real ones")


@pytest.fixture
def pages(run) -> list[str]:
    return [
        reverse("generation:run_list"),
        reverse("generation:run_new"),
        reverse("generation:run_new") + f"?dataset={run.dataset_id}&preset=kong",
        run.get_absolute_url(),
        reverse("generation:run_sample", args=[run.pk]),
        reverse("generation:run_continue", args=[run.pk]),
        reverse("generation:run_compare"),
    ]


def add_grid(run: TrainingRun, step: int) -> JobArtefact:
    return JobArtefact.objects.create(job=run.job, name=f"grids/grid-{step:08d}.png", kind="grid", step=step)


class TestPermissions:
    def test_nobody_else_sees_generators(self, client, reader, pages):
        for page in pages:
            assert client.get(page).status_code == 302
            assert client.get(page)["Location"].startswith("/accounts/login/")
        client.force_login(reader)
        for page in pages:
            assert client.get(page).status_code == 403
            assert client.post(page).status_code == 403

    def test_nothing_is_started_without_the_right(self, client, reader, run, phantoms):
        checkpoint = CheckpointFactory(run=run)
        client.force_login(reader)

        client.post(new_address(phantoms), training_data())
        client.post(reverse("generation:run_sample", args=[run.pk]), sample_data(checkpoint))

        assert TrainingRun.objects.count() == 1
        assert not SampleRun.objects.exists()

    def test_investigators_do(self, investigator_client, pages):
        assert [investigator_client.get(page).status_code for page in pages] == [200, 200, 200, 200, 302, 302, 302]

    def test_an_unknown_run_is_not_found(self, investigator_client, db):
        unknown = "00000000-0000-0000-0000-000000000000"

        assert investigator_client.get(reverse("generation:run_detail", args=[unknown])).status_code == 404
        assert investigator_client.post(reverse("generation:run_sample", args=[unknown])).status_code == 404


class TestRunList:
    def test_empty_without_images_leads_to_the_import(self, investigator_client):
        page = investigator_client.get(reverse("generation:run_list")).content.decode()

        assert "A generator learns from real radiographs. Import some first." in page
        assert reverse("imaging:import_new") in page

    def test_empty_with_images_leads_to_training(self, investigator_client):
        DatasetFactory()

        page = investigator_client.get(reverse("generation:run_list")).content.decode()

        assert "No generators yet" in page
        assert reverse("generation:run_new") in page

    def test_a_card_shows_the_newest_grid_and_what_kind_of_run_it_is(self, investigator_client, run):
        TrainingRun.objects.update(is_demonstration=True)
        old, new = add_grid(run, 20), add_grid(run, 100)

        page = investigator_client.get(reverse("generation:run_list")).content.decode()

        assert reverse("worker:job_artefact", args=[run.job_id, new.pk]) in page
        assert reverse("worker:job_artefact", args=[run.job_id, old.pk]) not in page
        assert "Demonstration length" in page
        assert "Real ones" in page
        assert "40 iterations" in page

    def test_a_card_says_how_far_and_how_good_it_is(self, investigator_client, run):
        TrainingRun.objects.update(best_by="kid")
        CheckpointFactory(run=run, iteration=1, images_seen=64_000, measures={"kid_densenet121_0a1b2c3d": 0.25})
        CheckpointFactory(run=run, iteration=2, images_seen=128_000, measures={"kid_densenet121_0a1b2c3d": 0.5})
        Job.objects.filter(pk=run.job_id).update(progress_done=150_000, progress_unit="images seen")

        page = " ".join(investigator_client.get(reverse("generation:run_list")).content.decode().split())

        assert "150,000 images seen, 2 checkpoints. Best KID 0.25" in page

    def test_the_number_of_queries_does_not_grow(self, investigator_client, run):
        def count_queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                investigator_client.get(reverse("generation:run_list"))
            return len(captured)

        add_grid(run, 1)
        CheckpointFactory(run=run)
        one = count_queries()
        for other in (TrainingRunFactory(), TrainingRunFactory()):
            add_grid(other, 1)
            CheckpointFactory(run=other)

        assert count_queries() == one


class TestRunPage:
    def test_the_demonstration_is_called_one(self, investigator_client, run):
        real = investigator_client.get(run.get_absolute_url()).content.decode()
        TrainingRun.objects.update(is_demonstration=True)

        demonstration = investigator_client.get(run.get_absolute_url()).content.decode()

        assert "This is a demonstration length" not in real
        assert "This is a demonstration length" in demonstration
        assert "30,000 iterations (about 5 hours on a GeForce GTX 1050 Ti in the paper)" in " ".join(
            demonstration.split()
        )

    def test_grids_are_there_for_the_slider_and_without_script(self, investigator_client, run):
        grids = [add_grid(run, step) for step in (0, 500, 1000)]
        addresses = [reverse("worker:job_artefact", args=[run.job_id, grid.pk]) for grid in grids]

        response = investigator_client.get(run.get_absolute_url())
        page = response.content.decode()

        assert response.context["grid_list"] == [
            {"step": step, "url": address} for step, address in zip((0, 500, 1000), addresses, strict=True)
        ]
        assert all(f'<a href="{address}">' in page for address in addresses)
        assert f'src="{addresses[-1]}"' in page

    def test_checkpoints_and_samples_are_listed(self, investigator_client, run):
        checkpoint = CheckpointFactory(run=run, iteration=12_000, images_seen=768_000)
        dataset = DatasetFactory(name="Drawn ones", origin=Dataset.Origin.SYNTHETIC)
        SampleRunFactory(checkpoint=checkpoint, dataset=dataset)
        SampleRunFactory(checkpoint=checkpoint, dataset_name="Still drawing")

        page = investigator_client.get(run.get_absolute_url()).content.decode()

        assert "12,000" in page
        assert "768,000" in page
        assert checkpoint.sha256 in page
        assert dataset.get_absolute_url() in page
        assert "Still drawing" in page

    def test_the_best_checkpoint_is_marked(self, investigator_client, run):
        TrainingRun.objects.update(best_by="fid")
        for iteration, fid in ((1, 90.0), (2, 40.0), (3, 55.0)):
            CheckpointFactory(run=run, iteration=iteration, measures={"fid_random_00000000": fid, "kid_x_0": -fid})
        CheckpointFactory(run=run, iteration=4)  # not measured

        response = investigator_client.get(run.get_absolute_url())

        assert response.context["best"].iteration == 2
        assert [value for _, value in response.context["rows"]] == [90, 40, 55, None]
        assert response.content.decode().count(">best<") == 1

    def test_another_like_it_begins_with_its_settings(self, investigator_client, run):
        config = AcganConfig(batch_size=48, seed=5)
        TrainingRun.objects.update(config=config.to_dict())
        address = reverse("generation:run_new") + f"?like={run.pk}"

        form = investigator_client.get(address).context["settings_form"]

        assert form["batch_size"].value() == 48
        assert form["seed"].value() != 5  # a run with the same seed would be the same

    def test_without_a_checkpoint_there_is_nothing_to_draw_from(self, investigator_client, run):
        page = investigator_client.get(run.get_absolute_url()).content.decode()

        assert "There is no checkpoint to draw from yet." in page
        assert reverse("generation:run_sample", args=[run.pk]) not in page


class TestContinue:
    @pytest.fixture
    def ended(self, training) -> TrainingRun:
        Job.objects.filter(pk=training.job_id).update(state=Job.State.SUCCEEDED, progress_done=320)
        training.job.refresh_from_db()
        return training

    def test_a_run_that_has_ended_goes_on_for_longer(self, investigator_client, ended):
        page = investigator_client.get(ended.get_absolute_url())
        assert page.context["continue_form"]["length"].value() == 40

        response = investigator_client.post(reverse("generation:run_continue", args=[ended.pk]), {"length": 60})

        ended.refresh_from_db()
        assert response["Location"] == ended.get_absolute_url()
        assert ended.config["iterations"] == ended.job.parameters["config"]["iterations"] == 60
        assert ended.job.state == Job.State.QUEUED

    @pytest.mark.parametrize(
        ("length", "message"),
        [
            (40, "“First” has been trained for that long already. Write more than 40 iterations."),
            (0, "Write a whole number from 1 to 10,000,000."),
        ],
    )
    def test_what_makes_no_sense_is_said_at_the_field(self, investigator_client, ended, length, message):
        response = investigator_client.post(reverse("generation:run_continue", args=[ended.pk]), {"length": length})

        assert response.context["continue_form"].errors == {"length": [message]}
        ended.job.refresh_from_db()
        assert ended.job.state == Job.State.SUCCEEDED

    def test_a_cancelled_run_goes_on_to_the_same_end(self, investigator_client, ended):
        Job.objects.filter(pk=ended.job_id).update(state=Job.State.CANCELLED)

        investigator_client.post(reverse("generation:run_continue", args=[ended.pk]), {"length": 40})

        ended.job.refresh_from_db()
        assert ended.job.state == Job.State.QUEUED

    def test_a_running_one_is_left_alone(self, investigator_client, training):
        page = investigator_client.get(training.get_absolute_url())
        response = investigator_client.post(reverse("generation:run_continue", args=[training.pk]), {"length": 60})

        training.refresh_from_db()
        assert page.context["continue_form"] is None
        assert training.config["iterations"] == 40
        assert "is queued: wait until it has ended" in response.content.decode()


class TestCompare:
    def test_runs_are_laid_side_by_side(self, investigator_client, run):
        other = TrainingRunFactory(name="Other run", config=AcganConfig(iterations=40, batch_size=32).to_dict())
        for one, step in ((run, 640), (run, 1280), (other, 320)):
            add_grid(one, step)

        response = investigator_client.get(compare_address(other, run))
        page = response.content.decode()

        assert [column["run"] for column in response.context["columns"]] == [other, run]
        assert [[grid["step"] for grid in one["grids"]] for one in response.context["grid_lists"]] == [
            [320],
            [640, 1280],
        ]
        assert [one["name"] for one in response.context["curve_runs"]] == ["Other run", "Chest run"]
        assert response.context["shared_settings"] == [("Batch size", ["32", "64"])]
        assert response.context["own_settings"] == []
        assert "after <span data-compare-at>1,280</span> images" in page

    def test_settings_that_only_one_kind_of_generator_has_stand_apart(self, investigator_client, run):
        other = TrainingRunFactory(generator="pggan", config=PgganConfig(seed=4).to_dict())

        context = investigator_client.get(compare_address(other, run)).context

        assert ("Seed", ["4", "0"]) in context["shared_settings"]
        assert ("Iterations", ["–", "40"]) in context["own_settings"]
        assert not {label for label, _ in context["shared_settings"]} & {label for label, _ in context["own_settings"]}

    def test_one_run_alone_cannot_be_compared(self, investigator_client, run):
        response = investigator_client.get(compare_address(run) + "&run=nonsense", follow=True)

        assert response.redirect_chain == [(reverse("generation:run_list"), 302)]
        assert "Tick two or more runs" in response.content.decode()

    def test_the_number_of_queries_grows_by_its_grids_alone(self, investigator_client, run):
        def count_queries(*runs: TrainingRun) -> int:
            with CaptureQueriesContext(connection) as captured:
                investigator_client.get(compare_address(*runs))
            return len(captured)

        others = [TrainingRunFactory() for _ in range(3)]

        assert count_queries(run, *others) == count_queries(run, others[0]) + 2


def compare_address(*runs: TrainingRun) -> str:
    return reverse("generation:run_compare") + "?" + "&".join(f"run={run.pk}" for run in runs)


def new_address(dataset: Dataset, preset: str = "kong") -> str:
    return reverse("generation:run_new") + f"?dataset={dataset.pk}&preset={preset}"


def training_data(*, config: Settings | None = None, **changes) -> dict:
    """What a browser sends: settings with the prefix of their form, a box that is not ticked left out."""
    config = config or AcganConfig(iterations=50, seed=3)
    boxes = {one.name for one in fields(config) if isinstance(one.default, bool) and not setting_range(one).choices}
    sent = {
        f"set-{name}": ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in config.to_dict().items()
        if name not in boxes or value
    }
    return {"name": "From the page", "device": "auto", "keep_best": 3, **sent, **changes}


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
                "On a CPU a run has one process. Write 1, or choose another device.",
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


def sample_data(checkpoint, **changes) -> dict:
    values = {"dataset_name": "Drawn", "checkpoint": checkpoint.pk, "seed": 9, "class_0": 4, "class_1": 0}
    return {**values, **changes}


class TestSampling:
    def test_the_form_starts_a_sample_run(self, investigator_client, investigator, run):
        CheckpointFactory(run=run, iteration=10)
        checkpoint = CheckpointFactory(run=run, iteration=20)

        response = investigator_client.post(reverse("generation:run_sample", args=[run.pk]), sample_data(checkpoint))

        sample_run = SampleRun.objects.get()
        assert response["Location"] == f"{run.get_absolute_url()}#samples"
        assert (sample_run.checkpoint, sample_run.seed, sample_run.created_by) == (checkpoint, 9, investigator)
        assert sample_run.per_class == {"lesion": 4, "normal": 0}

    def test_the_last_checkpoint_and_a_free_name_are_offered(self, investigator_client, run):
        DatasetFactory(name="Chest run, samples")
        CheckpointFactory(run=run, iteration=10)
        last = CheckpointFactory(run=run, iteration=20)

        form = investigator_client.get(run.get_absolute_url()).context["form"]

        assert form["checkpoint"].value() == last.pk
        assert form["dataset_name"].value() == "Chest run, samples 2"

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"class_0": 0}, "Ask for 1 to 200,000 images in all."),
            ({"class_0": 199_999, "class_1": 2}, "Ask for 1 to 200,000 images in all."),
            ({"seed": -1}, "Ensure this value is greater than or equal to 0."),
            ({"dataset_name": "Real ones"}, "There is a dataset called “Real ones” already. Choose another name."),
        ],
    )
    def test_mistakes_are_shown_on_the_run_page(self, investigator_client, run, changes, message):
        checkpoint = CheckpointFactory(run=run)
        address = reverse("generation:run_sample", args=[run.pk])

        response = investigator_client.post(address, sample_data(checkpoint, **changes))

        assert response.status_code == 200
        assert message in response.content.decode()
        assert not SampleRun.objects.exists()

    def test_a_checkpoint_that_has_gone_meanwhile_is_refused_in_words(self, investigator_client, run):
        left, gone = CheckpointFactory(run=run, iteration=10), CheckpointFactory(run=run, iteration=20)
        data = sample_data(gone)
        gone.delete()

        response = investigator_client.post(reverse("generation:run_sample", args=[run.pk]), data)

        assert response.context["form"].errors["checkpoint"] == [
            "This state is no longer kept: while the generator trains, better states replace it. Choose another one; "
            "the list is up to date now."
        ]
        assert list(response.context["form"].fields["checkpoint"].queryset) == [left]
        assert not SampleRun.objects.exists()

    @pytest.fixture
    def cancelled(self, run) -> SampleRun:
        """With one image drawn of four."""
        sample_run = start_sampling(
            checkpoint=CheckpointFactory(run=run),
            per_class={"lesion": 4},
            seed=1,
            dataset_name="Half",
            created_by=None,
        )
        ImageFactory(dataset=Dataset.everything.get(name="Half"))
        request_cancel(job=sample_run.job)
        return sample_run

    def test_what_a_cancelled_one_keeps_is_said(self, investigator_client, run, cancelled):
        page = investigator_client.get(run.get_absolute_url())

        (kept,) = page.context["kept_samples"]
        assert (kept.sample_run, kept.images, kept.wanted) == (cancelled, 1, 4)
        assert kept.until - cancelled.job.finished_at == timedelta(days=7)
        text = " ".join(page.content.decode().split())
        assert "<strong>Half</strong> was not finished: 1 of 4 images are drawn. They are kept, seen by nobody," in text
        assert not page.context["sample_runs"][0].dataset

    def test_and_can_be_discarded(self, investigator_client, run, cancelled):
        address = reverse("generation:sample_discard", args=[cancelled.pk])

        assert investigator_client.get(address).status_code == 405
        response = investigator_client.post(address, follow=True)

        assert "What was drawn of “Half” is being removed." in response.content.decode()
        assert not response.context["kept_samples"]
        assert Job.objects.get(kind="imaging.remove").state == Job.State.QUEUED
        run_job(Job.objects.get(kind="imaging.remove"))
        assert not Dataset.everything.filter(origin="synthetic").exists()

    def test_not_by_others(self, client, reader, cancelled):
        client.force_login(reader)
        assert client.post(reverse("generation:sample_discard", args=[cancelled.pk])).status_code == 403
        assert Dataset.everything.filter(name="Half").exists()

    def test_not_while_it_is_drawn(self, investigator_client, run, cancelled):
        resume_job(job=cancelled.job)

        page = investigator_client.post(reverse("generation:sample_discard", args=[cancelled.pk]), follow=True)

        assert "“Half” is being made just now. Cancel the job “Sample “Half”” first." in page.content.decode()
        assert Dataset.everything.filter(name="Half").exists()

    def test_a_checkpoint_of_another_run_is_refused(self, investigator_client, run):
        CheckpointFactory(run=run)
        foreign = CheckpointFactory()

        response = investigator_client.post(reverse("generation:run_sample", args=[run.pk]), sample_data(foreign))

        assert response.context["form"].errors["checkpoint"]
        assert not SampleRun.objects.exists()


def test_a_job_that_is_over_is_not_polled(investigator_client, run):
    live = investigator_client.get(run.get_absolute_url()).content.decode()
    run.job = JobFactory(state=Job.State.SUCCEEDED)
    run.save()

    over = investigator_client.get(run.get_absolute_url()).content.decode()

    assert "data-series=" in live
    assert "data-series=" not in over
