"""Forms: which images an experiment is done on, and what it is called."""

from pathlib import Path
from typing import Any

from django import forms

from classification.cnn.config import PRESETS
from classification.models import Classifier, Experiment
from classification.parameters import DEVICES
from classification.selectors import starting_classifiers
from config.forms import BootstrapFormMixin
from config.projects.fields import ChoiceInSight
from imaging.models import Dataset
from worker.weight_files import weights_folder

GENERATOR_RULE = (
    "Made by a generator that learnt from the training images alone: it may not have seen the tuning or test images."
)


class ChooseForm(BootstrapFormMixin, forms.Form):
    """First step: what is to be found out, on which real images, and with which settings to begin."""

    kind = forms.ChoiceField(
        label="What to do", choices=Experiment.Kind.choices, initial=Experiment.Kind.KONG, widget=forms.RadioSelect
    )
    dataset = ChoiceInSight(
        lambda: Dataset.objects.filter(origin=Dataset.Origin.REAL),
        empty_label="Choose a dataset",
        help_text="Real images of two classes (for a machine reader: of any), split into train, tune and test.",
    )
    preset = forms.ChoiceField(
        label="Settings to begin with",
        choices=[(preset.name, preset.title) for preset in PRESETS.values()],
        widget=forms.RadioSelect,
    )

    def __init__(self, data: Any = None, *, dataset: str | None = None) -> None:
        super().__init__(data, initial={"dataset": dataset})


class ExperimentForm(BootstrapFormMixin, forms.Form):
    """What is compared with what; the settings of classifier and sweep are forms of their own."""

    name = forms.CharField(label="Name of the experiment", max_length=200)
    positive = forms.ChoiceField(
        label="Positive class",
        help_text="What a high score stands for. Sensitivity is the share of its images that are found.",
    )
    synthetic = ChoiceInSight(
        lambda: Dataset.objects.filter(origin=Dataset.Origin.SYNTHETIC),
        label="Synthetic images",
        empty_label="Choose a dataset",
        help_text=f"{GENERATOR_RULE} K needs as many of each class as K times the largest class.",
    )
    external = forms.ModelMultipleChoiceField(
        Dataset.objects.none(),
        label="External test sets",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Real images of another source, of the same two classes. Of a set that is split, its test images.",
    )
    device = forms.ChoiceField(
        choices=[(name, label) for name, label in zip(DEVICES, ("Automatic", "CPU", "CUDA GPU"), strict=True)],
        help_text="Automatic takes a CUDA GPU where the worker has one.",
    )

    chooser = forms.ModelChoiceField(
        Classifier.objects.none(),
        label="Classifier that chooses",
        required=False,
        empty_label="None: chance chooses",
        help_text="Only when synthetic images are chosen by score. It may not have learnt from tuning or test images.",
    )

    def __init__(self, data: Any = None, *, kind: Experiment.Kind, dataset: Dataset, classes: list[str]) -> None:
        super().__init__(data)
        self.fields["positive"].choices = [(label, label) for label in classes]  # type: ignore[attr-defined]
        others = Dataset.objects.filter(origin=Dataset.Origin.REAL).exclude(pk=dataset.pk)
        self.fields["external"].queryset = others  # type: ignore[attr-defined]
        choosers = Classifier.objects.filter(experiment__positive__in=classes).select_related("experiment")
        self.fields["chooser"].queryset = choosers  # type: ignore[attr-defined]
        unused = {
            Experiment.Kind.KONG: {"chooser"},
            Experiment.Kind.JANG: set(),
            Experiment.Kind.SINGLE: {"chooser", "synthetic"},
            Experiment.Kind.ORIGIN: {"chooser", "external", "positive"},
        }[kind]
        for name in unused | (set() if others.exists() else {"external"}):
            del self.fields[name]
        if kind == Experiment.Kind.ORIGIN:
            self.fields["synthetic"].help_text = "To be told from the real ones; as many are used."
        if kind == Experiment.Kind.JANG:
            self.fields["synthetic"].help_text = GENERATOR_RULE

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if Experiment.objects.filter(name=name).exists():
            raise forms.ValidationError(f"There is an experiment called “{name}” already. Choose another name.")
        return name


class WeightsForm(BootstrapFormMixin, forms.Form):
    """What the backbone begins with: a file in the folder of weights, a classifier trained here, or nothing."""

    begin_with = forms.ChoiceField(label="The backbone begins with")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.fields["begin_with"].choices = [  # type: ignore[attr-defined]
            ("none", "random weights: not trained on anything"),
            *((f"classifier:{one.pk}", f"the classifier {one}") for one in starting_classifiers()),
            *((f"file:{path.name}", f"the file {path.name}") for path in weight_files()),
        ]
        self.fields["begin_with"].help_text = (
            "A frozen network that was trained on radiographs sees more than one of random weights. A classifier "
            "trained here with its whole network, on another dataset, is one. An administrator puts files into the "
            "folder “weights” of the data directory; see the manual."
        )

    @property
    def weights(self) -> dict[str, Any]:
        """As the experiment keeps it: see `classification.loading.find_weights`."""
        kind, _, value = self.cleaned_data["begin_with"].partition(":")
        return {"kind": "none"} if kind == "none" else {"kind": kind, kind: value}


def weight_files() -> list[Path]:
    """Files in the folder of weights, by name."""
    folder = weights_folder()
    return sorted(path for path in folder.glob("*") if path.is_file()) if folder.is_dir() else []
