"""Films, mixtures of styles and nearest images as jobs: started on a run's page, their files on it."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image as PillowImage

from generation.gan.config import AcganConfig
from generation.selectors import tool_jobs
from generation.services import start_tool
from generation.tool_parameters import ToolParameters
from tests.generation.conftest import run_job
from tests.generation.gan.conftest import SMALL
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small_config() -> AcganConfig:
    return AcganConfig(**{**SMALL, "iterations": 10, "metrics_every": 10, "grid_every": 10})


def make(run, **values) -> Job:
    checkpoint = run.checkpoints.last()
    parameters = ToolParameters(**{"checkpoint_id": str(checkpoint.pk), "device": "cpu", **values})
    return run_job(start_tool(checkpoint=checkpoint, parameters=parameters, created_by=None))


class TestJobs:
    def test_a_film_of_every_class(self, trained):
        job = make(trained, tool="film", stops=2, steps=3, columns=2)

        assert job.state == Job.State.SUCCEEDED, job.error
        assert job.result == {"frames": 6, "classes": ["lesion", "normal"]}
        with PillowImage.open(job.directory / "film.webp") as film:
            assert film.size == (2 * 58 * 4 - 8, 2 * 58 * 4 - 8)
        [shown] = tool_jobs(trained.checkpoints.all())
        assert [picture.name for picture in shown.pictures] == ["film.webp"]

    def test_the_nearest_image_to_a_real_one(self, trained, phantoms):
        image = phantoms.images.filter(label="lesion").first()

        job = make(trained, tool="projection", image_id=str(image.pk), steps=20)

        assert job.state == Job.State.SUCCEEDED, job.error
        assert job.result["image"] == str(image.pk)
        assert job.result["distance"] <= job.result["distance_of_nearest_random"]
        latent = json.loads((job.directory / "latent.json").read_text())
        assert len(latent["latent"]) == 8
        with PillowImage.open(job.directory / "nearest.png") as picture:
            assert picture.size == (4 * 58 * 4 - 8, 56 * 4)
        assert job.metrics.count() == 20

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"tool": "mixing"}, "This generator has no styles to mix; StyleGAN2 has. Make a film of it instead"),
            ({"tool": "film", "label": "oedema"}, "There is no class “oedema”; there are lesion, normal."),
            ({"tool": "film", "truncation": 0.5}, "truncation is 0.5; “ACGAN"),
        ],
    )
    def test_what_cannot_be_made_is_said_in_words(self, trained, values, words):
        job = make(trained, **values)

        assert job.state == Job.State.FAILED
        assert words in job.error


class TestParameters:
    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"tool": "dream"}, "tool is 'dream'; it must be one of film, mixing, projection"),
            ({"tool": "film", "stops": 1}, "stops is 1; it must be a whole number from 2 to 60"),
            ({"tool": "film", "stops": 60, "steps": 24}, "make a film of more than 600 frames"),
            ({"tool": "projection"}, "image_id is missing"),
            ({"tool": "film", "truncation": 3}, "truncation is 3"),
        ],
    )
    def test_numbers_out_of_range(self, values, words):
        with pytest.raises(ValueError, match=words):
            ToolParameters(checkpoint_id="x", **values)


class TestPage:
    def test_started_from_the_page_and_shown_there(self, trained, investigator_client):
        page = investigator_client.get(trained.get_absolute_url()).content.decode()
        assert "Films, mixtures, nearest images" in page
        assert "Mixture of styles" not in page  # this network has none
        address = reverse("generation:tool_start", args=[trained.checkpoints.last().pk])

        answer = investigator_client.post(
            address, {"tool-tool": "film", "tool-checkpoint": trained.checkpoints.last().pk, "tool-label": "normal"}
        )

        assert answer.status_code == 302
        job = Job.objects.get(kind="generation.tool")
        assert (job.parameters["tool"], job.parameters["label"]) == ("film", "normal")
        assert (
            "Film from image to image: “First”" in investigator_client.get(trained.get_absolute_url()).content.decode()
        )

    def test_the_address_of_an_image_is_understood(self, trained, phantoms, investigator_client):
        image = phantoms.images.first()
        address = reverse("generation:tool_start", args=[trained.checkpoints.last().pk])
        common = {"tool-tool": "projection", "tool-checkpoint": trained.checkpoints.last().pk}

        page = f"http://localhost{reverse('imaging:image_detail', args=[image.pk])}"
        investigator_client.post(address, {**common, "tool-image": page})
        assert Job.objects.get(kind="generation.tool").parameters["image_id"] == str(image.pk)

        for text, words in {"": "Say which image", "nonsense": "There is no image with this address"}.items():
            answer = investigator_client.post(address, {**common, "tool-image": text})
            assert words in answer.content.decode()
        assert Job.objects.filter(kind="generation.tool").count() == 1


class TestCommand:
    def test_it_queues_what_it_was_asked_for(self, trained, capsys):
        call_command("explore_generator", "film", "--run=First", "--label=normal", "--stops=3", "--steps=7")

        job = Job.objects.get(kind="generation.tool")
        assert (job.parameters["stops"], job.parameters["steps"]) == (3, 7)
        with pytest.raises(CommandError, match="There is no run called “Nothing”"):
            call_command("explore_generator", "film", "--run=Nothing")
