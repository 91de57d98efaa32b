"""Which classifier is to score the images."""

from typing import Any

from django import forms

from classification.models import Classifier, Experiment
from classification.parameters import DEVICES
from classification.scoring.selectors import list_classifiers, negative_of
from config.forms import BootstrapFormMixin
from config.projects.fields import ChoiceInSight


class ScoringForm(BootstrapFormMixin, forms.Form):
    """`initial` may name a classifier by its id."""

    classifier = ChoiceInSight(
        lambda: Classifier.objects.select_related("experiment"),
        help_text="Each with what it tells apart, and the experiment, arm and seed that it comes from.",
    )
    device = forms.ChoiceField(
        choices=[(name, label) for name, label in zip(DEVICES, ("Automatic", "CPU", "CUDA GPU"), strict=True)],
        help_text="Automatic takes a CUDA GPU where the worker has one.",
    )

    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["classifier"].choices = [  # type: ignore[attr-defined]
            ("", "Choose a classifier"),
            *((str(one.pk), classifier_in_words(one)) for one in list_classifiers()),
        ]


class ExplainForm(BootstrapFormMixin, forms.Form):
    """For which class the maps of the caught images are."""

    class_name = forms.ChoiceField(label="What speaks for")

    def __init__(self, data: Any = None, *, experiment: Experiment) -> None:
        super().__init__(data, initial={"class_name": experiment.positive})
        self.fields["class_name"].choices = [(name, name) for name in experiment.classes]  # type: ignore[attr-defined]


def classifier_in_words(classifier: Classifier) -> str:
    """ "pneumonia or normal: “Does it help?”, GCB, seed 3"."""
    experiment = classifier.experiment
    return (
        f"{experiment.positive} or {negative_of(experiment)}: “{experiment.name}”, {classifier.arm}, "
        f"seed {classifier.seed}"
    )
