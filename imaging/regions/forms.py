"""Forms of region tasks."""

from typing import Any

from django import forms

from config.accounts.models import User
from config.forms import BootstrapFormMixin
from imaging.models import Dataset, Image, RegionTask
from imaging.regions.agreement import BINS
from imaging.regions.cropping import DEFAULT_LIMIT, DEFAULT_SIDE, LARGEST_SIDE, SMALLEST_SIDE
from imaging.regions.drawn import RegionError
from imaging.regions.final import RULES
from imaging.regions.services import checked_words
from imaging.services import DatasetError, checked_dataset_name
from worker.compute.settings import MAX_SEED

DEFAULT_NAMES = ("right maxillary sinus", "left maxillary sinus")
DEFAULT_LABELS = ("normal", "sinusitis")


def possible_annotators(dataset: Dataset) -> list[User]:
    """Members of the dataset's project, and administrators, who are in every one."""
    people = User.objects.filter(is_active=True).exclude(role=User.Role.READER, is_superuser=False).order_by("username")
    members = set(dataset.project.memberships.values_list("user_id", flat=True))
    return [one for one in people if one.pk in members or one.is_administrator]


class LinesField(forms.CharField):
    """One word a line; `what` names them in errors."""

    def __init__(self, *, what: str, **kwargs: Any) -> None:
        self.what = what
        super().__init__(widget=forms.Textarea(attrs={"rows": 3}), **kwargs)

    def clean(self, value: Any) -> list[str]:
        try:
            return checked_words(self.what, super().clean(value).splitlines())
        except RegionError as error:
            raise forms.ValidationError(str(error)) from error


class RegionTaskForm(BootstrapFormMixin, forms.Form):
    name = forms.CharField(label="Name of the task", max_length=200)
    region_names = LinesField(
        what="regions",
        label="Regions, one a line",
        help_text="In the order in which they are drawn. The patient’s right is on the left of the picture.",
    )
    labels = LinesField(
        what="labels", label="Labels, one a line", help_text="Key 1 gives the first, key 2 the second, and so on."
    )
    annotators = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        help_text="Each draws on all images, in an order of its own. Two or more show how far experts agree.",
    )
    splits = forms.MultipleChoiceField(
        label="Only images of these splits",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Without a tick, all images.",
    )
    sample_size = forms.IntegerField(
        label="Random sample of so many images", required=False, min_value=1, help_text="Empty for all of them."
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=MAX_SEED,
        initial=0,
        help_text="Of the sample and of the orders: the same seed gives the same.",
    )
    offers_last_boxes = forms.BooleanField(
        label="Begin each image with the rectangles of the image before",
        required=False,
        initial=True,
        help_text="Faster where regions lie alike. A rectangle that is left where it was is marked so in the export; "
        "labels are never carried over.",
    )
    instructions = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For the annotators: where a region begins and ends, what counts as which label.",
    )

    def __init__(self, *args: Any, dataset: Dataset, user: User, **kwargs: Any) -> None:
        initial = {
            "name": f"{dataset.name}, regions"[:200],
            "region_names": "\n".join(DEFAULT_NAMES),
            "labels": "\n".join(DEFAULT_LABELS),
            "annotators": [str(user.pk)],
        }
        super().__init__(*args, initial=initial | kwargs.pop("initial", {}), **kwargs)
        people = possible_annotators(dataset)
        self.people = {str(one.pk): one for one in people}
        self.fields["annotators"].choices = [(key, one.username) for key, one in self.people.items()]  # type: ignore[attr-defined]
        splits = set(dataset.images.order_by().values_list("split", flat=True).distinct()) - {""}
        if splits:
            self.fields["splits"].choices = [one for one in Image.Split.choices if one[0] in splits]  # type: ignore[attr-defined]
        else:
            del self.fields["splits"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if RegionTask.objects.filter(name=name).exists():
            raise forms.ValidationError(f"There is a task called “{name}” already. Choose another name.")
        return name

    @property
    def values(self) -> dict[str, Any]:
        """Keyword arguments of `create_task`, of a valid form."""
        return self.cleaned_data | {"annotators": [self.people[key] for key in self.cleaned_data["annotators"]]}


class AddAnnotatorForm(BootstrapFormMixin, forms.Form):
    user = forms.ChoiceField(label="Another annotator")

    def __init__(self, *args: Any, task: RegionTask, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drawing = set(task.annotators.filter(role="annotator").values_list("user_id", flat=True))
        self.people = {str(one.pk): one for one in possible_annotators(task.dataset) if one.pk not in drawing}
        self.fields["user"].choices = [(key, one.username) for key, one in self.people.items()]  # type: ignore[attr-defined]


class AgreementForm(BootstrapFormMixin, forms.Form):
    """Which two annotators, and how much overlap is enough."""

    first = forms.ChoiceField(required=False)
    second = forms.ChoiceField(required=False)
    limit = forms.FloatField(
        label="Overlap wanted (IoU)",
        required=False,
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": f"{0.5 / BINS:g}"}),
        help_text="Below it, the regions are listed.",
    )

    def __init__(self, data: Any, *, codes: list[str]) -> None:
        super().__init__(data)
        for name in ("first", "second"):
            self.fields[name].choices = [(code, f"Annotator {code}") for code in codes]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("first") and values.get("first") == values.get("second"):
            self.add_error("second", "Choose two different annotators.")
        return values


class CropsForm(BootstrapFormMixin, forms.Form):
    dataset_name = forms.CharField(label="Name of the new dataset", max_length=200)
    rule = forms.ChoiceField(
        label="Which regions",
        choices=list(RULES.items()),
        widget=forms.RadioSelect,
        initial="first",
    )
    iou_limit = forms.FloatField(
        label="Overlap wanted for the mean (IoU)", min_value=0, max_value=1, initial=DEFAULT_LIMIT
    )
    size = forms.ChoiceField(
        label="Size of the crops",
        choices=[("square", "Resized to a square, bilinearly"), ("own", "As large as each region, not resized")],
        widget=forms.RadioSelect,
        initial="square",
    )
    side = forms.IntegerField(
        label="Side of the square (pixels)",
        required=False,
        min_value=SMALLEST_SIDE,
        max_value=LARGEST_SIDE,
        initial=DEFAULT_SIDE,
        help_text="56 in Kong 2022. A region that is not square changes its proportions.",
    )

    def clean_dataset_name(self) -> str:
        try:
            return checked_dataset_name(self.cleaned_data["dataset_name"])
        except DatasetError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("size") == "own":
            values["side"] = None
        elif values.get("side") is None and "side" not in self.errors:
            self.add_error("side", "Give the side of the square.")
        return values
