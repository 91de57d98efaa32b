"""Pages of runs: who may open them, and what they show."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generation.gan.config import AcganConfig
from generation.gan.pggan_config import PgganConfig
from generation.models import SampleRun, TrainingRun
from imaging.models import Dataset
from tests.factories import (
    CheckpointFactory,
    DatasetFactory,
    JobFactory,
    SampleRunFactory,
    TrainingRunFactory,
)
from tests.generation.pages import add_grid, compare_address, new_address, sample_data, training_data
from worker.models import Job


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


def test_a_job_that_is_over_is_not_polled(investigator_client, run):
    live = investigator_client.get(run.get_absolute_url()).content.decode()
    run.job = JobFactory(state=Job.State.SUCCEEDED)
    run.save()

    over = investigator_client.get(run.get_absolute_url()).content.decode()

    assert "data-series=" in live
    assert "data-series=" not in over
