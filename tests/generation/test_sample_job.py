"""Sampling jobs: the right images with their provenance, the same bytes again, nothing half-done, collapse in words."""

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from generation import sample_job
from generation.gan.checkpoint import load_checkpoint, save_checkpoint
from generation.gan.config import AcganConfig
from generation.gan.sampling import remake_image
from generation.gan.sampling_options import SamplingOptions
from generation.image_source import CheckpointSource
from generation.models import SampleRun
from generation.services import discard_samples, record_checkpoint, start_sampling
from imaging.making import remove_discarded
from imaging.models import Dataset, Image
from imaging.services import create_dataset, delete_dataset, sweep_pixel_files
from imaging.storage import delete_pixels, load_pixels, stored_hashes
from tests.generation.conftest import run_job
from tests.generation.gan.conftest import SMALL
from worker.models import Job
from worker.services import resume_job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small_config() -> AcganConfig:
    """Sampling needs a trained generator, not a good one."""
    return AcganConfig(**{**SMALL, "iterations": 10, "metrics_every": 10, "grid_every": 10})


def draw(run, *, name: str = "Samples", seed: int = 5, **per_class: int) -> SampleRun:
    sample_run = start_sampling(
        checkpoint=run.checkpoints.last(),
        per_class=per_class or {"lesion": 40, "normal": 3},
        seed=seed,
        dataset_name=name,
        created_by=None,
    )
    run_job(sample_run.job)
    sample_run.refresh_from_db()
    return sample_run


def hashes(dataset: Dataset) -> list[str]:
    images = dataset.images.all()
    return [image.pixel_sha256 for image in sorted(images, key=lambda image: (image.label, image.provenance["index"]))]


class TestSamples:
    def test_images_of_each_class_with_their_provenance(self, trained):
        sample_run = draw(trained)

        dataset = sample_run.dataset
        assert sample_run.job.state == Job.State.SUCCEEDED, sample_run.job.error
        assert (dataset.name, dataset.origin, dataset.is_phantom) == ("Samples", "synthetic", True)
        assert dataset.description == "Drawn from “First” (trained on “Phantoms”) at iteration 10 with seed 5."
        assert [dataset.images.filter(label=label).count() for label in ("lesion", "normal")] == [40, 3]
        assert sample_run.job.result == {"dataset_id": str(dataset.pk), "images": 43, "repeats_left_out": {}}
        image = dataset.images.get(label="normal", provenance__index=2)
        assert image.provenance == {
            "generator": "acgan",
            "run": str(trained.pk),
            "checkpoint_sha256": trained.checkpoints.last().sha256,
            "iteration": 10,
            "seed": 5,
            "class": "normal",
            "class_index": 1,
            "index": 2,
            "block_size": 32,
        }
        pixels = load_pixels(image)
        assert (pixels.shape, pixels.dtype) == ((56, 56), np.uint8)

    def test_the_same_request_gives_the_same_images(self, trained):
        first = draw(trained, name="One").dataset
        second = draw(trained, name="Two").dataset
        other = draw(trained, name="Three", seed=6).dataset

        assert hashes(first) == hashes(second)
        assert not set(hashes(first)) & set(hashes(other))

    def test_an_image_does_not_depend_on_how_many_are_asked_for(self, trained):
        few = draw(trained, name="Few", normal=2).dataset
        many = draw(trained, name="Many", normal=70).dataset

        assert hashes(few) == hashes(many)[:2]

    def test_any_image_is_made_again(self, trained):
        dataset = draw(trained).dataset

        for image in dataset.images.filter(provenance__index__in=[0, 35]):
            assert np.array_equal(remake_image(trained.checkpoints.last().path, image.provenance), load_pixels(image))

    def test_a_class_with_none_is_left_out(self, trained):
        dataset = draw(trained, lesion=0, normal=2).dataset

        assert list(dataset.images.values_list("label", flat=True)) == ["normal", "normal"]


class TestNothingHalfDone:
    def test_broken_off_before_it_is_shown_then_taken_over(self, trained, monkeypatch):
        class Killed(BaseException):
            pass

        def killed(**values):
            raise Killed

        sample_run = start_sampling(
            checkpoint=trained.checkpoints.last(), per_class={"normal": 9}, seed=5, dataset_name="Kill", created_by=None
        )
        with monkeypatch.context() as patch:
            patch.setattr(sample_job, "publish_samples", killed)
            with pytest.raises(Killed):
                run_job(sample_run.job)
        assert not Dataset.objects.filter(name="Kill").exists()
        assert Image.everything.filter(dataset__name="Kill").count() == 9
        Job.objects.filter(pk=sample_run.job_id).update(state=Job.State.QUEUED, lease_token=None)

        run_job(sample_run.job)

        assert sample_run.job.state == Job.State.SUCCEEDED, sample_run.job.error
        sample_run.refresh_from_db()
        assert hashes(sample_run.dataset) == hashes(draw(trained, name="Undisturbed", normal=9).dataset)

    def test_killed_after_the_end_then_taken_over(self, trained):
        sample_run = draw(trained, normal=9)
        Job.objects.filter(pk=sample_run.job_id).update(state=Job.State.QUEUED)

        run_job(sample_run.job)

        assert sample_run.job.state == Job.State.SUCCEEDED
        assert Dataset.objects.filter(origin="synthetic").count() == 1
        assert Image.objects.filter(dataset=sample_run.dataset).count() == 9

    def test_a_refusal_while_drawing_leaves_no_files(self, trained, monkeypatch):
        before = set(stored_hashes())
        real = CheckpointSource.draw

        def draw_twice(source, **values):
            if values["block"] == 2:
                raise ValueError("The generator makes values that are not numbers")
            return real(source, **values)

        monkeypatch.setattr(CheckpointSource, "draw", draw_twice)
        sample_run = draw(trained, name="Refused", normal=90)

        assert sample_run.job.state == Job.State.FAILED
        assert sample_run.job.error == "The generator makes values that are not numbers"
        assert set(stored_hashes()) == before
        assert not Dataset.everything.filter(origin="synthetic").exists()

    def test_removed_samples_can_be_drawn_again(self, trained):
        first = draw(trained, name="Same", normal=4)
        expected = hashes(first.dataset)
        delete_dataset(dataset=first.dataset)

        assert hashes(draw(trained, name="Same", normal=4).dataset) == expected


class TestResume:
    """A job that ended in the middle goes on after the last block that it finished."""

    @pytest.fixture
    def drawn_blocks(self, monkeypatch) -> list[tuple[int, int]]:
        """(class, block) of everything that the network draws."""
        blocks: list[tuple[int, int]] = []
        real = CheckpointSource.draw

        def draw_and_note(source, **values):
            blocks.append((values["class_index"], values["block"]))
            return real(source, **values)

        monkeypatch.setattr(CheckpointSource, "draw", draw_and_note)
        return blocks

    @pytest.fixture
    def interrupted(self, trained, drawn_blocks, monkeypatch) -> SampleRun:
        """Cancelled by its user when the network had drawn three of six blocks."""
        sample_run = start_sampling(
            checkpoint=trained.checkpoints.last(),
            per_class={"lesion": 70, "normal": 90},
            seed=5,
            dataset_name="Half",
            created_by=None,
        )
        real = CheckpointSource.draw

        def cancel(source, **values):
            if len(drawn_blocks) == 3:
                Job.objects.filter(pk=sample_run.job_id).update(state=Job.State.CANCELLING)
                values["before_each"].__self__.stop("Cancelled")
            return real(source, **values)

        with monkeypatch.context() as patch:
            patch.setattr(CheckpointSource, "draw", cancel)
            run_job(sample_run.job)
        assert sample_run.job.state == Job.State.CANCELLED
        assert not Dataset.objects.filter(name="Half").exists()
        assert drawn_blocks[:3] == [(0, 0), (0, 1), (0, 2)]
        drawn_blocks.clear()
        return sample_run

    def expected(self, trained) -> list[str]:
        return hashes(draw(trained, name="Undisturbed", lesion=70, normal=90).dataset)

    def test_finished_blocks_are_not_drawn_again(self, interrupted, trained, drawn_blocks):
        resume_job(job=interrupted.job)
        run_job(interrupted.job)

        assert interrupted.job.state == Job.State.SUCCEEDED, interrupted.job.error
        assert drawn_blocks == [(1, 0), (1, 1), (1, 2)]
        interrupted.refresh_from_db()
        assert hashes(interrupted.dataset) == self.expected(trained)

    def test_a_sweep_leaves_what_is_kept(self, interrupted):
        assert sweep_pixel_files() == 0

    def test_files_that_are_lost_are_made_again(self, interrupted, trained, drawn_blocks):
        delete_pixels(Image.everything.filter(dataset__made_by=interrupted.job).values_list("pixel_sha256", flat=True))

        resume_job(job=interrupted.job)
        run_job(interrupted.job)

        assert interrupted.job.state == Job.State.SUCCEEDED, interrupted.job.error
        assert drawn_blocks == [(1, 0), (1, 1), (1, 2), (0, 0), (0, 1), (0, 2)]
        interrupted.refresh_from_db()
        assert hashes(interrupted.dataset) == self.expected(trained)
        assert all(load_pixels(image).shape == (56, 56) for image in interrupted.dataset.images.all())

    def test_what_is_kept_is_said(self, interrupted):
        assert interrupted.job.log_lines.last().text == (
            "Stopped after 70 of 160 images. They are kept for 7 days, seen by nobody: resumed until then, it goes on "
            "after them; later it begins anew."
        )

    def test_its_name_given_up_and_taken(self, interrupted):
        create_dataset(name="Half", origin="real", created_by=None)

        resume_job(job=interrupted.job)
        run_job(interrupted.job)

        assert interrupted.job.state == Job.State.FAILED
        assert interrupted.job.error == "There is a dataset called “Half” already. Choose another name."
        assert not Dataset.everything.filter(origin="synthetic").exists()

    def test_its_name_given_up_and_free_again(self, interrupted, trained):
        delete_dataset(dataset=create_dataset(name="Half", origin="real", created_by=None))

        resume_job(job=interrupted.job)
        run_job(interrupted.job)

        interrupted.refresh_from_db()
        assert (interrupted.dataset.name, interrupted.dataset.images.count()) == ("Half", 160)

    def test_discarded_it_begins_anew(self, interrupted, trained, drawn_blocks):
        discard_samples(sample_run=interrupted)
        assert remove_discarded() == 70
        assert set(stored_hashes()) == set(trained.dataset.images.values_list("pixel_sha256", flat=True))

        resume_job(job=interrupted.job)
        run_job(interrupted.job)

        assert len(drawn_blocks) == 6
        interrupted.refresh_from_db()
        assert hashes(interrupted.dataset) == self.expected(trained)


class TestFastPrecision:
    @pytest.fixture
    def vivid(self, trained):
        """The trained checkpoint with a stronger latent layer: its images differ by many grey levels."""
        data = load_checkpoint(trained.checkpoints.last().path)
        data.networks["generator"]["latent.weight"].mul_(300)
        sha256 = save_checkpoint(trained.job.directory / "checkpoints" / "checkpoint-00000011.pt", data)
        record_checkpoint(run=trained, iteration=11, file_name="checkpoints/checkpoint-00000011.pt", sha256=sha256)
        return trained

    def options(self, precision: str = "float32") -> SamplingOptions:
        return SamplingOptions(precision=precision, device="cpu")

    def draw(self, run, options: SamplingOptions) -> SampleRun:
        sample_run = start_sampling(
            checkpoint=run.checkpoints.last(),
            per_class={"normal": 40},
            seed=5,
            dataset_name=f"Fast {options.precision}",
            created_by=None,
            options=options,
        )
        run_job(sample_run.job)
        assert sample_run.job.state == Job.State.SUCCEEDED, sample_run.job.error
        sample_run.refresh_from_db()
        return sample_run

    @pytest.mark.parametrize("precision", ["float32", "bfloat16"])
    def test_images_are_near_the_exact_ones_and_say_how_near(self, vivid, precision, capsys):
        sample_run = self.draw(vivid, self.options(precision))

        assert sample_run.job.device == f"CPU, {precision}"
        assert f"in {precision} precision" in sample_run.dataset.description
        differences = []
        for image in sample_run.dataset.images.all():
            assert image.provenance["precision"] == precision
            exact = remake_image(vivid.checkpoints.last().path, image.provenance)
            differences.append(int(np.abs(exact.astype(int) - load_pixels(image)).max()))
        tolerance = sample_run.dataset.images.first().provenance["tolerance"]
        assert max(differences) <= tolerance <= (1 if precision == "float32" else 30)
        assert (max(differences) > 0) == (precision == "bfloat16")

        call_command("remake_image", str(sample_run.dataset.images.first().pk))
        found = "Identical" if differences[0] == 0 else f"differs by at most {differences[0]} of 255 grey levels"
        assert found in capsys.readouterr().out

    def test_a_difference_above_the_tolerance_is_found(self, vivid):
        image = self.draw(vivid, self.options()).dataset.images.get(provenance__index=0)
        image.provenance["index"] = 1
        image.save()

        with pytest.raises(CommandError, match=r"differs by \d+ of 255 grey levels; at most 1"):
            call_command("remake_image", str(image.pk))

    def test_a_network_without_truncation_refuses_it_in_words(self, trained):
        sample_run = start_sampling(
            checkpoint=trained.checkpoints.last(),
            per_class={"normal": 4},
            seed=5,
            dataset_name="Truncated",
            created_by=None,
            options=SamplingOptions(truncation=0.7),
        )
        run_job(sample_run.job)

        assert sample_run.job.state == Job.State.FAILED
        assert sample_run.job.error == (
            "truncation is 0.7; “ACGAN 56 x 56 (Kong 2022)” has none, only networks with an intermediate latent space "
            "(StyleGAN2) do. Leave it at 1"
        )


class TestCollapse:
    @pytest.fixture
    def collapsed(self, trained):
        """The trained checkpoint with its latent layer set to zero: every image of a class is the same."""
        data = load_checkpoint(trained.checkpoints.last().path)
        for name in ("latent.weight", "latent.bias"):
            data.networks["generator"][name].zero_()
        sha256 = save_checkpoint(trained.job.directory / "checkpoints" / "checkpoint-00000011.pt", data)
        record_checkpoint(run=trained, iteration=11, file_name="checkpoints/checkpoint-00000011.pt", sha256=sha256)
        return trained

    def test_it_is_said_in_words(self, collapsed):
        sample_run = draw(collapsed, normal=10)

        assert sample_run.job.state == Job.State.FAILED
        assert sample_run.job.error == (
            "The generator has collapsed: 96 images of class normal held only 1 different ones, 10 were asked for. "
            "Sample an earlier checkpoint, or train again with another seed."
        )
        assert not Dataset.objects.filter(origin="synthetic").exists()

    def test_single_repeats_are_replaced_by_the_next(self, trained, monkeypatch):
        expected = hashes(draw(trained, name="All", normal=12).dataset)
        real = CheckpointSource.draw

        def with_repeats(source, **values):
            images = real(source, **values)
            images[[1, 4]] = images[[0, 3]]
            return images

        monkeypatch.setattr(CheckpointSource, "draw", with_repeats)
        sample_run = draw(trained, name="Repeats", normal=10)

        assert sample_run.job.result["repeats_left_out"] == {"normal": 2}
        kept = [index for index in range(12) if index not in (1, 4)]
        assert hashes(sample_run.dataset) == [expected[index] for index in kept]
        assert any("2 images equal to an earlier one" in line.text for line in sample_run.job.log_lines.all())


class TestCheckpointFile:
    def test_a_changed_file_is_refused(self, trained):
        path = trained.checkpoints.last().path
        data = load_checkpoint(path)
        data.networks["generator"]["latent.bias"].add_(torch.tensor(0.1))
        save_checkpoint(path, data)

        sample_run = draw(trained)

        assert sample_run.job.state == Job.State.FAILED
        assert "checkpoint-00000010.pt has changed since it was recorded" in sample_run.job.error


class TestRemakeCommand:
    def test_identical(self, trained, capsys, tmp_path):
        image = draw(trained).dataset.images.first()

        call_command("remake_image", str(image.pk), output=tmp_path / "again.png")

        assert capsys.readouterr().out == f"Identical: image {image.pk} has the pixel hash {image.pixel_sha256}\n"
        assert (tmp_path / "again.png").exists()

    def test_a_changed_provenance_is_found(self, trained):
        image = draw(trained).dataset.images.get(label="lesion", provenance__index=0)
        image.provenance["seed"] += 1
        image.save()

        with pytest.raises(CommandError, match=f"stored is {image.pixel_sha256}. The checkpoint is the recorded one"):
            call_command("remake_image", str(image.pk))

    def test_real_images_and_unknown_ids_are_refused(self, phantoms):
        with pytest.raises(CommandError, match="has no generator in its provenance"):
            call_command("remake_image", str(phantoms.images.first().pk))
        with pytest.raises(CommandError, match="There is no image with the id nonsense"):
            call_command("remake_image", "nonsense")
        with pytest.raises(CommandError, match="There is no image with the id 00000000"):
            call_command("remake_image", "00000000-0000-0000-0000-000000000000")
