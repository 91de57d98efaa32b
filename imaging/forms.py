"""Forms: what to import, and which images of a dataset to show."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from django import forms
from django.db.models import Count

from config.forms import BootstrapFormMixin
from imaging.dicom.facts import FIRST_YEAR
from imaging.inclusion import AGE, BODY_PART, MANUFACTURER, MODALITY, SEX, TITLES, VIEW, YEAR, InclusionRules
from imaging.intake.npz import read_class_names
from imaging.intake.parameters import ANYTHING, CLASSES
from imaging.intake.preparing import AS_IT_IS, CROP, FULL_RANGE, PAD, Choices
from imaging.models import Dataset, Image
from imaging.selectors import Facets, clean_filters, dataset_facets
from imaging.services import DatasetError, checked_dataset_name
from imaging.splitting import SPLITS
from worker.compute.settings import MAX_SEED


class ImportForm(BootstrapFormMixin, forms.Form):
    dataset_name = forms.CharField(label="Name of the new dataset", max_length=200)
    archive = forms.FileField(
        label="ZIP archive, NPZ file or image",
        help_text="One folder per class, with DICOM, PNG, JPEG, TIFF or BMP images, grey. Folders train, tune "
        "and test above the classes give the split. An optional metadata.csv adds patient, age, sex, view and more. "
        "Or an NPZ file as MedMNIST has them.",
        widget=forms.ClearableFileInput(
            attrs={"accept": ".zip,.npz,application/zip,.dcm,.dicom,.png,.jpg,.jpeg,.tif,.tiff,.bmp"}
        ),
        allow_empty_file=True,  # the import says what is wrong with it
        required=False,
    )
    upload = forms.UUIDField(required=False, widget=forms.HiddenInput)  # one that arrived in parts, in its place
    label_names = forms.CharField(
        label="Class names of an NPZ file",
        required=False,
        max_length=1000,
        help_text="In the order of the numbers, with semicolons: normal; pneumonia. Files that are called as MedMNIST "
        "calls them (pneumoniamnist_64.npz) need none.",
    )
    origin = forms.ChoiceField(
        label="These images are",
        choices=[("real", "real radiographs"), ("synthetic", "made by a generator")],
        initial="real",
        widget=forms.RadioSelect,
        required=False,
    )
    made_with = forms.CharField(
        required=False,
        max_length=200,
        help_text="For images of a generator: which program, model or group made them. It stays with every image.",
    )
    skip_bad = forms.BooleanField(
        label="Skip the bad files",
        required=False,
        help_text="Without this, one bad file refuses the whole import and nothing is changed. Every problem is listed "
        "either way.",
    )
    folders = forms.ChoiceField(
        label="Folders are",
        choices=[
            (CLASSES, "classes (and train, tune, test)"),
            (ANYTHING, "anything else, at any depth: patients, studies, series"),
        ],
        required=False,
        help_text="With “anything else”, as a PACS exports folders, metadata.csv gives the class of each image by its "
        "path, or all have the same.",
    )
    one_class = forms.CharField(
        label="Class of all images",
        required=False,
        max_length=100,
        help_text="Where folders are no classes and metadata.csv gives none.",
    )
    window = forms.TypedChoiceField(
        label="Window of DICOM files that have several",
        choices=[(1, "the first"), (2, "the second"), (3, "the third"), (FULL_RANGE, "none: the full range of values")],
        coerce=int,
        required=False,
        help_text="Where there are fewer, the last one is taken, and the report says how many files that are.",
    )
    bits = forms.TypedChoiceField(
        label="Grey levels",
        choices=[
            (AS_IT_IS, "DICOM in 8 bits, other files as they are"),
            (8, "8 bits for all"),
            (16, "16 bits where the file has more than 8"),
        ],
        coerce=int,
        required=False,
    )
    size = forms.TypedChoiceField(
        label="Size",
        choices=[(AS_IT_IS, "as it is"), *((size, f"{size} × {size} pixels") for size in (256, 512, 1024, 2048))],
        coerce=int,
        required=False,
        help_text="Fewer pixels are means of those around them (Hamming filter). The pixel spacing is adjusted.",
    )
    fit = forms.ChoiceField(
        label="An image that is not square, at a chosen size",
        choices=[(CROP, "is cropped to its central square"), (PAD, "is kept whole and padded with its darkest grey")],
        required=False,
    )
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    licence = forms.CharField(required=False, max_length=200, help_text="For example CC BY 4.0.")
    citation = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="How a publication must name the source."
    )

    def clean_dataset_name(self) -> str:
        try:
            return checked_dataset_name(self.cleaned_data["dataset_name"])
        except DatasetError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_label_names(self) -> str:
        try:
            read_class_names(self.cleaned_data["label_names"], "")
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        return str(self.cleaned_data["label_names"])

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if not values.get("archive") and not values.get("upload") and "archive" not in self.errors:
            self.add_error("archive", "Choose a ZIP archive.")
        values["origin"] = values.get("origin") or "real"
        values["folders"] = values.get("folders") or CLASSES
        if values["folders"] == CLASSES and values.get("one_class"):
            self.add_error("one_class", "Leave this empty, or choose that folders are no classes.")
        for name, standard in asdict(Choices()).items():  # of those that were not sent
            values[name] = standard if values.get(name, "") == "" else values[name]
        made_with = values.get("made_with", "").strip()
        if values["origin"] == "synthetic" and not made_with:
            self.add_error("made_with", "Say what the images were made with.")
        if values["origin"] == "real" and made_with:
            self.add_error("made_with", "Leave this empty for real images, or choose the other kind.")
        return values


class FilterForm(BootstrapFormMixin, forms.Form):
    """The filters of `selectors.filter_images`, as far as the dataset has something to filter."""

    labels = forms.MultipleChoiceField(label="Class", required=False, widget=forms.CheckboxSelectMultiple)
    view_positions = forms.MultipleChoiceField(label="View", required=False, widget=forms.CheckboxSelectMultiple)
    sex = forms.MultipleChoiceField(label="Sex", required=False, widget=forms.CheckboxSelectMultiple)
    splits = forms.MultipleChoiceField(label="Split", required=False, widget=forms.CheckboxSelectMultiple)
    manufacturers = forms.MultipleChoiceField(label="Manufacturer", required=False, widget=forms.CheckboxSelectMultiple)
    modalities = forms.MultipleChoiceField(label="Modality", required=False, widget=forms.CheckboxSelectMultiple)
    body_parts = forms.MultipleChoiceField(label="Body part", required=False, widget=forms.CheckboxSelectMultiple)
    age_min = forms.FloatField(label="Age from", required=False, min_value=0, max_value=120)
    age_max = forms.FloatField(label="Age to", required=False, min_value=0, max_value=120)

    def __init__(self, *args: Any, dataset: Dataset, facets: Facets | None = None, **kwargs: Any) -> None:
        """`facets` of the dataset, where they have been counted already."""
        super().__init__(*args, **kwargs)
        names = {"sex": dict(Image.Sex.choices), "splits": dict(Image.Split.choices)}
        for key, values in (facets or dataset_facets(dataset)).options.items():
            if len(values) < 2:  # nothing to choose between
                del self.fields[key]
                continue
            field = self.fields[key]
            if isinstance(field, forms.MultipleChoiceField):
                field.choices = [(value or "none", names.get(key, {}).get(value, value) or "None") for value in values]
        if not dataset.images.filter(age_years__isnull=False).exists():
            del self.fields["age_min"], self.fields["age_max"]

    def clean(self) -> dict[str, Any]:
        cleaned = {key: value for key, value in self.cleaned_data.items() if value not in (None, "", [])}
        if "splits" in cleaned:
            cleaned["splits"] = ["" if value == "none" else value for value in cleaned["splits"]]
        try:
            return clean_filters(cleaned)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


def as_initial(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Filters as a `FilterForm` begins with them."""
    return {
        key: [one or "none" for one in value] if isinstance(value, list) else value for key, value in filters.items()
    }


class LimitsForm(BootstrapFormMixin, forms.Form):
    """The most images to take of each class; empty for all of them."""

    def __init__(
        self, data: Any = None, *, counts: Mapping[str, int], limits: Mapping[str, int] | None = None, least: int = 1
    ) -> None:
        self.begin = dict(limits or {})
        self.labels = list(counts)
        self.base_fields = {  # type: ignore[misc]  # what Form.__init__ copies
            f"limit_{index}": forms.IntegerField(
                label=f"At most, of {label}",
                min_value=least,
                required=False,
                initial=self.begin.get(label),
                widget=forms.NumberInput({"placeholder": f"all {count:,}"}),
            )
            for index, (label, count) in enumerate(counts.items())
        }
        super().__init__(data)

    @property
    def limits(self) -> dict[str, int]:
        values = {label: self.cleaned_data[f"limit_{index}"] for index, label in enumerate(self.labels)}
        return {label: value for label, value in values.items() if value is not None}


class SplitForm(BootstrapFormMixin, forms.Form):
    """Shares in percent; `shares` of a valid form are those of `services.split_dataset`."""

    train = forms.FloatField(label="Train (%)", min_value=0, max_value=100, initial=70)
    tune = forms.FloatField(
        label="Tune (%)",
        min_value=0,
        max_value=100,
        initial=10,
        help_text="Choices are made on these images: when to stop, how many synthetic images, which threshold.",
    )
    test = forms.FloatField(
        label="Test (%)", min_value=0, max_value=100, initial=20, help_text="Looked at once, at the end."
    )
    seed = forms.IntegerField(
        min_value=0, max_value=MAX_SEED, initial=0, help_text="The same seed gives the same splits."
    )
    keep_test = forms.BooleanField(
        label="Keep the test images that there are",
        required=False,
        help_text="Only the other images are shared out, among train and tune.",
    )

    def __init__(self, *args: Any, has_test: bool, **kwargs: Any) -> None:
        if has_test:
            kwargs["initial"] = {"train": 88, "tune": 12, "test": 0, "keep_test": True, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        if not has_test:
            del self.fields["keep_test"]

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if not self.errors and abs(sum(values[split] for split in SPLITS) - 100) > 1e-6:
            total = sum(values[split] for split in SPLITS)
            raise forms.ValidationError(f"The shares add up to {total:g} %; they must add up to 100 %.")
        return values

    @property
    def shares(self) -> dict[str, float]:
        whole = sum(self.cleaned_data[split] for split in SPLITS)
        return {split: self.cleaned_data[split] / whole for split in SPLITS}


class InclusionForm(BootstrapFormMixin, forms.Form):
    """Rules of inclusion, as far as the dataset knows what they ask about; `rules` of a valid form."""

    youngest = forms.FloatField(label="Youngest (years)", required=False, min_value=0, max_value=120)
    oldest = forms.FloatField(label="Oldest (years)", required=False, min_value=0, max_value=120)
    sexes = forms.MultipleChoiceField(label="Sex", required=False, widget=forms.CheckboxSelectMultiple)
    views = forms.MultipleChoiceField(label="View", required=False, widget=forms.CheckboxSelectMultiple)
    manufacturers = forms.CharField(
        required=False,
        help_text="First words of the name, with commas between several: GE takes “GE Healthcare” and “GE MEDICAL”.",
    )
    modalities = forms.MultipleChoiceField(label="Modality", required=False, widget=forms.CheckboxSelectMultiple)
    body_parts = forms.MultipleChoiceField(label="Body part", required=False, widget=forms.CheckboxSelectMultiple)
    first_year = forms.IntegerField(label="From the year", required=False, min_value=FIRST_YEAR, max_value=2100)
    last_year = forms.IntegerField(label="To the year", required=False, min_value=FIRST_YEAR, max_value=2100)
    labels = forms.MultipleChoiceField(label="Class", required=False, widget=forms.CheckboxSelectMultiple)
    missing_passes = forms.MultipleChoiceField(
        label="Not known: include all the same",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Without a tick, an image of which this is not known is left out.",
    )

    COLUMNS: ClassVar = {
        "sexes": "sex",
        "views": "view_position",
        "modalities": "modality",
        "body_parts": "body_part",
        "labels": "label",
    }

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, column in self.COLUMNS.items():
            rows = dataset.images.exclude(**{column: ""}).order_by(column).values_list(column)
            found = [(value, f"{value} ({n:,})") for value, n in rows.annotate(n=Count("id"))]
            if found:
                self.fields[name].choices = found  # type: ignore[attr-defined]
            else:
                del self.fields[name]
        if not dataset.images.filter(age_years__isnull=False).exists():
            del self.fields["youngest"], self.fields["oldest"]
        if not dataset.images.exclude(manufacturer="").exists():
            del self.fields["manufacturers"]
        if not dataset.images.filter(study_year__isnull=False).exists():
            del self.fields["first_year"], self.fields["last_year"]
        asked = {AGE: "youngest", SEX: "sexes", VIEW: "views", MANUFACTURER: "manufacturers"}
        asked |= {MODALITY: "modalities", BODY_PART: "body_parts", YEAR: "first_year"}
        self.fields["missing_passes"].choices = [  # type: ignore[attr-defined]
            (rule, TITLES[rule]) for rule, name in asked.items() if name in self.fields
        ]

    rules: InclusionRules

    def clean(self) -> dict[str, Any]:
        values = dict(self.cleaned_data)
        names = values.pop("manufacturers", "")
        values["manufacturers"] = [one.strip() for one in names.split(",") if one.strip()]
        if not self.errors:
            try:
                self.rules = InclusionRules.from_dict({key: value for key, value in values.items() if value != ""})
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
        return self.cleaned_data


class IncludedDatasetForm(BootstrapFormMixin, forms.Form):
    name = forms.CharField(label="Name of the new dataset", max_length=200)


def rules_as_initial(rules: InclusionRules) -> dict[str, Any]:
    """Rules as an `InclusionForm` begins with them."""
    return rules.to_dict() | {"manufacturers": ", ".join(rules.manufacturers)}
