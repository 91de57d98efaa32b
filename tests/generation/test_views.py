"""Pages: who may open them, what they show, and what their forms start."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generation.gan.config import AcganConfig
from generation.models import SampleRun, TrainingRun
from imaging.models import Dataset, Image
from tests.factories import (
    CheckpointFactory,
    DatasetFactory,
    ImageFactory,
    JobFactory,
    SampleRunFactory,
    TrainingRunFactory,
)
from worker.models import Job, JobArtefact


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
        assert [investigator_client.get(page).status_code for page in pages] == [200, 200, 200, 200, 302]

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
        checkpoint = CheckpointFactory(run=run, iteration=12_000)
        dataset = DatasetFactory(name="Drawn ones", origin=Dataset.Origin.SYNTHETIC)
        SampleRunFactory(checkpoint=checkpoint, dataset=dataset)
        SampleRunFactory(checkpoint=checkpoint, dataset_name="Still drawing")

        page = investigator_client.get(run.get_absolute_url()).content.decode()

        assert "12,000" in page
        assert checkpoint.sha256 in page
        assert dataset.get_absolute_url() in page
        assert "Still drawing" in page

    def test_without_a_checkpoint_there_is_nothing_to_draw_from(self, investigator_client, run):
        page = investigator_client.get(run.get_absolute_url()).content.decode()

        assert "There is no checkpoint to draw from yet." in page
        assert reverse("generation:run_sample", args=[run.pk]) not in page


def new_address(dataset: Dataset, preset: str = "kong") -> str:
    return reverse("generation:run_new") + f"?dataset={dataset.pk}&preset={preset}"


def training_data(**changes) -> dict:
    settings = AcganConfig(iterations=50, seed=3).to_dict()
    for name in ("generator_channels", "discriminator_channels"):
        settings[name] = ", ".join(str(width) for width in settings[name])
    del settings["image_size"]
    return {"name": "From the page", "preset": "kong", "device": "auto", **settings, **changes}


class TestNewRun:
    def test_the_form_begins_with_the_preset(self, investigator_client, phantoms):
        kong = investigator_client.get(new_address(phantoms)).context["form"]
        demonstration = investigator_client.get(new_address(phantoms, "demonstration"))

        assert kong["iterations"].value() == 30_000
        assert demonstration.context["form"]["iterations"].value() < 3000
        assert "These settings are for a demonstration" in demonstration.content.decode()

    def test_every_setting_of_the_generator_is_a_field_with_help(self, investigator_client, phantoms):
        form = investigator_client.get(new_address(phantoms)).context["form"]

        settings = set(AcganConfig().to_dict()) - {"image_size"}  # fixed by the architecture
        assert settings <= set(form.fields)
        assert [name for name in sorted(settings) if not form.fields[name].help_text] == []

    def test_a_run_is_started(self, investigator_client, investigator, phantoms):
        response = investigator_client.post(new_address(phantoms), training_data(generator_channels="16,12, 8"))

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

        investigator_client.post(address, training_data(name="Short", preset="demonstration"))
        investigator_client.post(address, training_data(name="Long", preset="demonstration", iterations=30_000))

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
            ({"batch_size": 1}, "batch_size", "Ensure this value is greater than or equal to 2."),
            ({"dropout": 1}, "dropout", "dropout is 1.0; it must be a number in [0, 0.95]"),
            ({"latent_std": 0}, "latent_std", "latent_std is 0.0; it must be a number in (0, 100]"),
            ({"generator_channels": "8, x, 8"}, "generator_channels", "Write whole numbers with commas between them."),
            (
                {"generator_channels": "8, 8"},
                "generator_channels",
                "generator_channels is (8, 8); it must be 3 whole numbers from 1 to 4096",
            ),
        ],
    )
    def test_what_cannot_be_trained_is_said_at_its_field(self, investigator_client, phantoms, changes, field, message):
        response = investigator_client.post(new_address(phantoms), training_data(**changes))

        assert response.status_code == 200
        assert response.context["form"].errors == {field: [message]}
        assert message.split(";")[0] in response.content.decode()
        assert not TrainingRun.objects.exists()

    def test_too_few_images_are_said_on_the_page(self, investigator_client, phantoms):
        response = investigator_client.post(new_address(phantoms), training_data(**{"filter-labels": ["normal"]}))

        assert "5 images in “Phantoms” (label normal); a generator needs at least 8." in response.content.decode()

    def test_synthetic_sets_cannot_be_chosen(self, investigator_client):
        dataset = DatasetFactory(origin=Dataset.Origin.SYNTHETIC)

        response = investigator_client.get(new_address(dataset))

        assert "form" in response.context
        assert response.context["form"].errors["dataset"]


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
