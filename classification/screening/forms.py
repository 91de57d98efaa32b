"""What is looked for, in which order and by whom; how many images of the rest are checked; the name of what is made."""

from typing import Any

from django import forms
from django.db.models import Q

from classification.models import Classifier
from classification.parameters import DEVICES
from classification.scoring.forms import classifier_in_words
from classification.scoring.selectors import list_classifiers
from classification.screening.selectors import sought_classes
from config.accounts.models import User
from config.forms import BootstrapFormMixin
from worker.compute.settings import MAX_SEED


class ScreeningForm(BootstrapFormMixin, forms.Form):
    """`cleaned_data` of a valid form is what `services.start_screening` takes: a classifier and the class it is to
    find, or None and "" for random order.
    """

    order = forms.ChoiceField(
        label="Order of the images",
        help_text="A classifier that has learnt to find what is looked for brings the images that have it to the "
        "front. Without one the order is random, and what is found tells how common it is.",
    )
    reviewer = forms.ModelChoiceField(
        User.objects.none(),
        label="Who decides",
        empty_label=None,
        help_text="Nobody else can decide in this screening.",
    )
    stop_after = forms.IntegerField(
        label="Ask whether to stop after so many kept images in a row",
        min_value=0,
        max_value=100_000,
        initial=50,
        help_text="0: never. In random order it is never asked.",
    )
    shows_score = forms.BooleanField(
        label="Show the score", required=False, help_text="Without it, the person who decides is not led by it."
    )
    seed = forms.IntegerField(
        min_value=0, max_value=MAX_SEED, initial=0, help_text="Of the random order and of the check sample."
    )
    device = forms.ChoiceField(
        choices=[(name, label) for name, label in zip(DEVICES, ("Automatic", "CPU", "CUDA GPU"), strict=True)],
        help_text="For the scores. Automatic takes a CUDA GPU where the worker has one.",
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data, initial={"reviewer": user.pk, "device": "auto"})
        roles = [User.Role.INVESTIGATOR, User.Role.ADMINISTRATOR]
        self.fields["reviewer"].queryset = User.objects.filter(  # type: ignore[attr-defined]
            Q(role__in=roles) | Q(is_superuser=True), is_active=True
        ).order_by("username")
        self._orders: dict[str, tuple[Classifier, str]] = {
            f"{one.pk}:{number}": (one, name)
            for one in list_classifiers()
            for number, name in enumerate(sought_classes(one))
        }
        self.fields["order"].choices = [  # type: ignore[attr-defined]
            ("random", "Random"),
            *(
                (key, f"{name} first; {classifier_in_words(classifier)}")
                for key, (classifier, name) in self._orders.items()
            ),
        ]

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        values["classifier"], values["looked_for"] = self._orders.get(values.pop("order", ""), (None, ""))
        return values


class CheckForm(BootstrapFormMixin, forms.Form):
    size = forms.IntegerField(
        label="Images of the rest to look at",
        min_value=1,
        help_text="Drawn at random. With 100 of which none has to go, at most 3.6 % of the rest do (95 % interval).",
    )

    def __init__(self, data: Any = None, *, most: int) -> None:
        super().__init__(data, initial={"size": min(100, most)})
        self.fields["size"].widget.attrs["max"] = most


class ScreenedDatasetForm(BootstrapFormMixin, forms.Form):
    name = forms.CharField(label="Name of the new dataset", max_length=200)
