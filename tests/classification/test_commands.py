"""The command line queues what the pages queue, and gives what their downloads give."""

import json

import pytest
from django.core.management import CommandError, call_command

from classification.cnn.config import PRESETS, ClassifierConfig, JangSettings, SweepSettings
from classification.exporting.files import archive_bytes, file_bytes
from classification.models import Experiment
from classification.results import read_results
from tests.classification.test_services import dataset
from tests.factories import ClassifierFactory, DatasetFactory, ExperimentFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def images(media_root):
    return dataset("Chests"), dataset("Made", origin="synthetic", splits=("",), first=50)


class TestRunExperiment:
    ASKED = ("run_experiment", "--dataset=Chests", "--name=Typed")

    def test_a_preset_with_some_settings_replaced(self, images, capsys):
        elsewhere = dataset("Elsewhere", first=90)
        call_command(
            *self.ASKED, "--synthetic=Made", "--positive=pneumonia", "--external=Elsewhere", "--at-most=normal=3",
            "--preset=quick-look", "--set-epochs=7", "--set-mirror=no", "--design-window=3", "--device=cpu",
        )  # fmt: skip

        experiment = Experiment.objects.get()
        assert capsys.readouterr().out == f"Queued “Typed” as job {experiment.job_id}\n"
        config = ClassifierConfig.from_dict(experiment.config)
        assert (config.epochs, config.mirror, config.backbone) == (7, False, PRESETS["quick-look"].make(0).backbone)
        assert SweepSettings.from_dict(experiment.design) == SweepSettings(window=3)
        assert (experiment.kind, experiment.positive, experiment.limits) == ("kong", "pneumonia", {"normal": 3})
        assert (list(experiment.external.all()), experiment.is_demonstration) == ([elsewhere], True)
        assert (experiment.weights, experiment.job.parameters["device"]) == ({"kind": "none"}, "cpu")

    def test_other_kinds_take_their_own_settings(self, images):
        call_command(*self.ASKED, "--kind=jang", "--synthetic=Made", "--positive=normal", "--design-per-class=3")

        experiment = Experiment.objects.get()
        assert JangSettings.from_dict(experiment.design) == JangSettings(per_class=3)
        assert not experiment.is_demonstration

    def test_a_machine_reader_has_its_own_positive_class(self, images):
        call_command(*self.ASKED, "--kind=origin", "--synthetic=Made")

        assert Experiment.objects.get().positive == "synthetic"

    def test_a_classifier_trained_here_is_named_by_arm_and_seed(self, images):
        earlier = ClassifierFactory(experiment__name="a/b", arm="OD", seed=7, fine_tuned=True)
        call_command(*self.ASKED, "--kind=single", "--positive=pneumonia", "--weights=a/b/OD/7")

        assert Experiment.objects.get(name="Typed").weights == {"kind": "classifier", "classifier": str(earlier.pk)}

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--kind=single"], "Say with --positive"),
            (["--kind=origin", "--positive=real"], "Leave --positive out"),
            (["--kind=single", "--positive=x"], "The positive class is 'x'; it must be normal or pneumonia"),
            (["--kind=single", "--positive=normal", "--design-window=3"], "kind single has no setting window.*--kind"),
            (["--kind=single", "--positive=normal", "--set-epochs=0"], "epochs is 0"),
            (["--kind=single", "--positive=normal", "--set-epochs=few"], "--set-epochs takes whole numbers, not 'few'"),
            (["--kind=single", "--positive=normal", "--at-most=normal"], "write LABEL=N"),
            (["--kind=single", "--positive=normal", "--weights=OD/7"], "write EXPERIMENT/ARM/SEED"),
            (["--kind=single", "--positive=normal", "--weights=a/OD/7"], "no classifier OD/7 of “a”; there are: none"),
            (["--synthetic=Lost", "--positive=normal"], "no dataset called “Lost”"),
        ],
    )
    def test_what_cannot_be_done_is_refused_in_words(self, options, message, images):
        with pytest.raises(CommandError, match=message):
            call_command(*self.ASKED, *options)

        assert not Experiment.objects.exists()

    def test_help_names_every_setting(self, capsys):
        with pytest.raises(SystemExit):
            call_command("run_experiment", "--help")

        said = capsys.readouterr().out
        assert {"--set-learning-rate", "--design-largest-k", "--design-per-class"} <= set(said.split())


class TestExperimentResults:
    def test_prints_what_it_comes_to(self, ended, capsys):
        experiment = ended("jang")
        call_command("experiment_results", "Tiny jang")

        said = capsys.readouterr().out.splitlines()
        assert said == [f"* {sentence}" for sentence in experiment.results["summary"]]

    def test_as_json(self, ended, capsys):
        experiment = ended("single")
        call_command("experiment_results", "Tiny single", "--json")

        assert json.loads(capsys.readouterr().out) == experiment.results

    def test_as_files(self, ended, tmp_path):
        experiment = ended("jang")
        results = read_results(experiment.results)
        call_command("experiment_results", "Tiny jang", "--csv", str(tmp_path / "tables"))
        call_command("experiment_results", "Tiny jang", "--zip", str(tmp_path / "all.zip"))

        written = {path.name: path.read_bytes() for path in (tmp_path / "tables").iterdir()}
        assert written["measures.csv"] == file_bytes(experiment, results, "measures.csv")
        assert set(written) == {
            f"{name}.csv" for name in ("arms", "measures", "confusion", "comparisons", "calibration", "repetitions")
        }
        assert (tmp_path / "all.zip").read_bytes() == archive_bytes(experiment, results)

    def test_without_results_it_says_so(self, db):
        ExperimentFactory(name="Waiting", dataset=DatasetFactory())

        with pytest.raises(CommandError, match="“Waiting” has no results: its job is queued"):
            call_command("experiment_results", "Waiting")
        with pytest.raises(CommandError, match="no experiment called “Lost”"):
            call_command("experiment_results", "Lost")

    def test_a_folder_that_cannot_be_written_is_named(self, ended, tmp_path):
        ended("single")

        with pytest.raises(CommandError, match=r"missing/all\.zip cannot be written"):
            call_command("experiment_results", "Tiny single", "--zip", str(tmp_path / "missing/all.zip"))
