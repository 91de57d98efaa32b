"""From a file to samples: taken in, tried, accepted, drawn from, made again; and what cannot go on."""

import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from generation.gan.foreign_settings import Declaration
from generation.gan.sampling import remake_image
from generation.importing.services import accept_generator, discard_generator, read_settings, take_in_generator
from generation.models import Checkpoint, ForeignGenerator
from generation.services import GenerationError, start_sampling
from imaging.storage import load_pixels
from tests.generation.conftest import run_job
from tests.generation.gan.foreign_networks import NotANumber, Small, torchscript
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


def take_in(path, **values) -> ForeignGenerator:
    declaration = Declaration(format="torchscript", classes=("normal",), latent_dim=16)
    return take_in_generator(
        **{
            "source": path,
            "file_name": "theirs.pt",
            "name": "Theirs",
            "made_with": "Their DCGAN",
            "licence": "CC BY 4.0",
            "declaration": declaration,
            "created_by": None,
            **values,
        }
    )


@pytest.fixture
def accepted(tmp_path) -> Checkpoint:
    foreign = take_in(torchscript(tmp_path, Small()))
    run_job(foreign.job)
    assert foreign.job.state == Job.State.SUCCEEDED, foreign.job.error
    return accept_generator(foreign=foreign)


class TestTorchScript:
    def test_from_the_trial_to_a_dataset(self, accepted, capsys):
        foreign = accepted.foreign
        foreign.refresh_from_db()
        assert foreign.trial["side"] == 28
        assert foreign.job.artefacts.get(kind="grid").name == "trial.png"
        assert accepted.path.name == f"{foreign.sha256}.torchscript"

        sample_run = start_sampling(
            checkpoint=accepted, per_class={"normal": 40}, seed=2, dataset_name="Drawn", created_by=None
        )
        run_job(sample_run.job)

        assert sample_run.job.state == Job.State.SUCCEEDED, sample_run.job.error
        sample_run.refresh_from_db()
        dataset = sample_run.dataset
        assert (dataset.origin, dataset.images.count(), dataset.licence) == ("synthetic", 40, "CC BY 4.0")
        assert dataset.description == (
            "Drawn from “Theirs”, a generator from elsewhere (made with Their DCGAN), with seed 2."
        )
        image = dataset.images.get(provenance__index=35)
        assert image.provenance == {
            "generator": "foreign",
            "foreign": str(foreign.pk),
            "made_with": "Their DCGAN",
            "checkpoint_sha256": foreign.sha256,
            "seed": 2,
            "class": "normal",
            "class_index": 0,
            "index": 35,
            "block_size": 32,
            "tolerance": 1,
        }
        call_command("remake_image", str(image.pk))
        assert str(image.pk) in capsys.readouterr().out
        with pytest.raises(GenerationError, match="images were drawn from it"):
            discard_generator(foreign=foreign)

    def test_a_bad_one_is_refused_in_words_and_can_be_discarded(self, tmp_path):
        foreign = take_in(torchscript(tmp_path, NotANumber()))
        run_job(foreign.job)

        assert foreign.job.state == Job.State.FAILED
        assert "It makes values that are not numbers" in foreign.job.error
        with pytest.raises(GenerationError, match="trial drawing has not succeeded"):
            accept_generator(foreign=foreign)
        path = foreign.path
        discard_generator(foreign=foreign)
        assert not path.exists()
        assert not ForeignGenerator.objects.exists()

    def test_a_name_is_taken_once(self, accepted, tmp_path):
        with pytest.raises(GenerationError, match="There is a generator called “Theirs” already"):
            take_in(torchscript(tmp_path, Small()))
        assert len(list(accepted.path.parent.iterdir())) == 1


class TestOurOwnNetworks:
    def test_weights_of_a_run_go_out_and_come_in_and_draw_the_same(self, trained, tmp_path, capsys):
        call_command("export_generator", run="First", output=tmp_path / "out")
        folder = tmp_path / "out"
        assert json.loads((folder / "generator.json").read_text())["generator"] == "acgan"

        read = read_settings((folder / "generator.json").read_bytes())
        foreign = take_in(
            folder / "generator.safetensors",
            declaration=Declaration(
                format="safetensors",
                classes=tuple(read["classes"]),
                generator=read["generator"],
                config=read["config"],
                latent_dim=read["config"]["latent_dim"],
                class_input="index",
            ),
        )
        run_job(foreign.job)
        assert foreign.job.state == Job.State.SUCCEEDED, foreign.job.error
        checkpoint = accept_generator(foreign=foreign)
        drawn = []
        for number, source in enumerate((checkpoint, trained.checkpoints.last())):
            sample_run = start_sampling(
                checkpoint=source, per_class={"normal": 3}, seed=4, dataset_name=f"Set {number}", created_by=None
            )
            run_job(sample_run.job)
            sample_run.refresh_from_db()
            drawn.append(sorted(sample_run.dataset.images.values_list("pixel_sha256", flat=True)))
        assert drawn[0] == drawn[1]
        image = checkpoint.sample_runs.get().dataset.images.first()
        assert image.provenance["foreign"] == str(foreign.pk)
        assert np.array_equal(remake_image(checkpoint.path, image.provenance), load_pixels(image))

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "cannot be used"),
            ('{"generator": "acgan", "config": {}}', "“classes” is missing"),
            ('{"generator": "theirs", "config": {}, "classes": ["a"]}', "Unknown generator 'theirs'"),
            ('{"generator": "acgan", "config": {"dropout": 7}, "classes": ["a"]}', "dropout is 7"),
        ],
    )
    def test_settings_that_cannot_be_used(self, text, words):
        with pytest.raises(ValueError, match=words):
            read_settings(text)


class TestPages:
    def fields(self, path, **values):
        return {
            "name": "Theirs",
            "made_with": "Their DCGAN",
            "file": path.open("rb"),
            "file_format": "torchscript",
            "classes": "normal",
            "latent_dim": "16",
            **values,
        }

    def test_upload_trial_acceptance_and_sampling(self, investigator_client, tmp_path):
        path = torchscript(tmp_path, Small())

        answer = investigator_client.post(reverse("generation:foreign_new"), self.fields(path))
        foreign = ForeignGenerator.objects.get()
        assert answer.headers["Location"] == foreign.get_absolute_url()
        assert "Accept it" not in investigator_client.get(foreign.get_absolute_url()).content.decode()

        run_job(foreign.job)
        page = investigator_client.get(foreign.get_absolute_url()).content.decode()
        assert "Accept it" in page
        assert "28 × 28 pixels" in page
        investigator_client.post(reverse("generation:foreign_accept", args=[foreign.pk]))
        answer = investigator_client.post(
            reverse("generation:foreign_sample", args=[foreign.pk]),
            {"dataset_name": "Drawn", "checkpoint": foreign.checkpoint.pk, "seed": "3", "class_0": "5"},
        )

        assert answer.status_code == 302
        assert foreign.checkpoint.sample_runs.get().per_class == {"normal": 5}
        assert "Theirs" in investigator_client.get(reverse("generation:run_list")).content.decode()

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"classes": ""}, "classes are missing"),
            ({"latent_dim": "0"}, "latent_dim is 0"),
            ({"file_format": "onnx"}, "This is a TorchScript file, not onnx"),
            ({"file_format": "safetensors"}, "A state of weights needs the settings of its network"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(self, investigator_client, tmp_path, values, words):
        path = torchscript(tmp_path, Small())

        answer = investigator_client.post(reverse("generation:foreign_new"), self.fields(path, **values))

        assert answer.status_code == 400
        assert words in answer.content.decode()
        assert not ForeignGenerator.objects.exists()

    def test_readers_see_none_of_it(self, client, reader, accepted):
        client.force_login(reader)

        for address in (reverse("generation:foreign_new"), accepted.foreign.get_absolute_url()):
            assert client.get(address).status_code in (302, 403, 404)


class TestCommand:
    def test_a_file_that_is_refused(self, tmp_path):
        (tmp_path / "letter.txt").write_text("Dear colleagues")

        with pytest.raises(CommandError, match="This is not an ONNX file"):
            call_command(
                "import_generator",
                str(tmp_path / "letter.txt"),
                "--name=Letter",
                "--made-with=Hand",
                "--format=onnx",
                "--label=a",
            )
        assert not ForeignGenerator.objects.exists()
