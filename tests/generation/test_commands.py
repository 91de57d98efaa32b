"""The command line queues what the pages queue, and follows it when asked."""

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from generation.models import SampleRun, TrainingRun
from tests.factories import CheckpointFactory
from tests.generation.conftest import run_job
from tests.generation.plugin import PluginConfig
from worker.models import Job


class TestTrainGenerator:
    def test_a_preset_with_some_settings_replaced(self, phantoms, capsys):
        call_command(
            "train_generator",
            "--dataset=Phantoms",
            "--name=Typed",
            "--preset=demonstration",
            "--set-iterations=70",
            "--set-learning-rate=0.001",
            "--set-generator-channels",
            "8",
            "6",
            "4",
            "--label=lesion",
            "--label=normal",
            "--device=cpu",
            "--gpus=2",
        )

        run = TrainingRun.objects.get()
        assert capsys.readouterr().out == f"Queued “Typed” as job {run.job_id}\n"
        assert (run.config["iterations"], run.config["learning_rate"]) == (70, 0.001)
        assert run.config["generator_channels"] == [8, 6, 4]
        assert run.config["batch_size"] < 64  # the rest is the preset's
        assert run.is_demonstration
        assert run.filters == {"labels": ["lesion", "normal"]}
        assert (run.job.parameters["device"], run.job.parameters["processes"]) == ("cpu", 2)

    def test_a_preset_that_chooses_classes_by_their_role(self, phantoms):
        train = ("train_generator", "--dataset=Phantoms", "--preset=jang-abnormal")
        call_command(*train, "--name=By its name")
        call_command(*train, "--name=As typed", "--normal=lesion")
        call_command(*train, "--name=None of them", "--normal=")

        runs = TrainingRun.objects.order_by("created_at")
        assert [run.limits for run in runs] == [{"normal": 20_000}, {"lesion": 20_000}, {}]
        assert [run.filters for run in runs] == [{}, {}, {}]  # all classes

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--dataset=Phantoms", "--preset=jang-normal"], r"5 images in “Phantoms” \(label normal\)"),
            (
                ["--dataset=Phantoms", "--preset=jang-normal", "--normal=x"],
                "There is no class 'x'; there are lesion, n",
            ),
            (["--dataset=Phantoms", "--preset=jang-normal", "--label=normal"], "chooses the classes: normal images al"),
            (["--dataset=Phantoms", "--preset=kong", "--normal=normal"], "takes every class alike. Leave --normal out"),
            (["--dataset=Nothing"], "There is no dataset called “Nothing”."),
            (["--dataset=Phantoms", "--gpus=0"], "The number of GPUs is 0; it must be a whole number from 1 to 16"),
            (["--dataset=Phantoms", "--set-batch-size=1"], "batch_size is 1; it must be a whole number from 2 to 4096"),
            (["--dataset=Phantoms", "--at-most=normal"], "--at-most is 'normal'; write LABEL=N"),
            (["--dataset=Phantoms", "--at-most=normal=1"], "6 images in “Phantoms”"),
            (["--dataset=Phantoms", "--keep-best=21"], "keep_best is 21; it must be a whole number from 0 to 20"),
            (["--dataset=Phantoms", "--set-batch-size=x"], "--set-batch-size takes whole numbers, not 'x'"),
            (["--dataset=Phantoms", "--set-batch-size", "1", "2"], "--set-batch-size takes one value, not 2"),
            (["--dataset=Phantoms", "--set-depth=2"], r"acgan has no setting depth\. It has: iterations, "),
            (
                ["--dataset=Phantoms", "--generator=pggan", "--set-compile=yes"],
                r"pggan has no setting compile: torch\.compile cannot differentiate a gradient, .*It has: image_size, ",
            ),
            (["--dataset=Phantoms", "--set-generator-channels=8"], r"generator_channels is \(8,\); it must be 3 whole"),
            (["--dataset=Phantoms", "--generator=plugin", "--set-mirror=perhaps"], "write yes or no"),
            (["--dataset=Phantoms", "--generator=plugin", "--preset=kong"], "is of the generator acgan, not of plugin"),
            (["--dataset=Phantoms", "--label=normal"], r"5 images in “Phantoms” \(label normal\)"),
        ],
    )
    def test_what_cannot_start_is_refused(self, phantoms, plugin, options, message):
        with pytest.raises(CommandError, match=message):
            call_command("train_generator", "--name=Typed", *options)
        assert not TrainingRun.objects.exists()

    def test_any_generator_with_its_own_settings(self, phantoms, plugin):
        call_command(
            "train_generator", "--dataset=Phantoms", "--name=Other", "--generator=plugin",
            "--set-depth=2", "--set-mirror=yes", "--set-precision=bfloat16", "--set-betas", "0", "0.9",
            "--at-most=normal=4", "--measure=fid", "--keep-best=1",
        )  # fmt: skip

        run = TrainingRun.objects.get()
        assert run.generator == run.job.parameters["generator"] == "plugin"
        assert (run.limits, run.best_by, run.keep_best) == ({"normal": 4}, "fid", 1)
        assert run.config == PluginConfig(depth=2, mirror=True, precision="bfloat16", betas=(0, 0.9)).to_dict()

    def test_help_lists_the_settings_of_all_generators(self, plugin, capsys):
        with pytest.raises(SystemExit):
            call_command("train_generator", "--help")

        words = " ".join(capsys.readouterr().out.split())
        assert "--set-dropout VALUE" in words
        assert "after all but the last convolution. Published: 0.5. (acgan)" in words
        assert "Share of images shown mirrored, 0 or 50 %. (plugin)" in words


class TestSampleGenerator:
    def test_each_class_from_the_last_checkpoint(self, db):
        first = CheckpointFactory(run__name="Source", iteration=10)
        last = CheckpointFactory(run=first.run, iteration=20)

        call_command("sample_generator", "--run=Source", "--per-class=7", "--seed=3", "--name=Drawn")

        sample_run = SampleRun.objects.get()
        assert (sample_run.checkpoint, sample_run.seed) == (last, 3)
        assert sample_run.per_class == {"lesion": 7, "normal": 7}

    def test_one_class_from_a_named_checkpoint(self, db):
        first = CheckpointFactory(run__name="Source", iteration=10)
        CheckpointFactory(run=first.run, iteration=20)

        call_command(
            "sample_generator", "--run=Source", "--per-class=7", "--name=Drawn", "--label=normal", "--iteration=10"
        )

        sample_run = SampleRun.objects.get()
        assert (sample_run.checkpoint, sample_run.per_class) == (first, {"normal": 7})

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--run=Nothing"], "There is no training run called “Nothing”."),
            (["--run=Source", "--iteration=11"], "“Source” has no checkpoint at iteration 11; there are 10."),
            (["--run=Source", "--label=oedema"], "“Source” knows no class oedema"),
        ],
    )
    def test_what_cannot_be_drawn_is_refused(self, db, options, message):
        CheckpointFactory(run__name="Source", iteration=10)

        with pytest.raises(CommandError, match=message):
            call_command("sample_generator", "--per-class=7", "--name=Drawn", *options)
        assert not SampleRun.objects.exists()

    def test_a_run_without_checkpoints_says_when_there_will_be_one(self, training):
        with pytest.raises(CommandError, match="“First” has no checkpoint yet: wait until a tenth"):
            call_command("sample_generator", "--run=First", "--per-class=7", "--name=Drawn")


@pytest.mark.django_db(transaction=True)
class TestWait:
    """A thread stands for the worker: it runs the job with the worker's own code."""

    @pytest.fixture
    def worker(self):
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(0.05):
                for job in Job.objects.filter(state=Job.State.QUEUED):
                    run_job(job)
            connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        yield
        stop.set()
        thread.join()

    def test_training_and_sampling_to_the_end(self, phantoms, worker, capsys):
        small = ["--set-generator-channels", "8", "6", "4", "--set-discriminator-channels", "4", "6", "8", "10"]

        call_command(
            "train_generator",
            "--dataset=Phantoms",
            "--name=W",
            "--set-iterations=10",
            "--set-batch-size=4",
            *small,
            "--wait",
        )
        call_command("sample_generator", "--run=W", "--per-class=5", "--name=Drawn", "--wait")

        assert TrainingRun.objects.get().checkpoints.last().iteration == 10
        assert SampleRun.objects.get().dataset.images.count() == 10

    def test_a_failure_is_an_exit_status(self, phantoms, worker, monkeypatch):
        monkeypatch.setattr("imaging.rendered_files.load_pixels", _unreadable)

        with pytest.raises(CommandError, match=r"Train “W”: failed\. Image \w+ cannot be read"):
            call_command("train_generator", "--dataset=Phantoms", "--name=W", "--set-iterations=10", "--wait")


def _unreadable(sha256: str):
    raise OSError("input/output error")
