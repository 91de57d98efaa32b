"""Imports that need no upload: of a folder of the server, and from a PACS."""

from dataclasses import fields
from typing import Any

from django import forms

from imaging.forms import ImportForm
from imaging.intake.metadata import check_label
from imaging.intake.pacs import PacsQuery, parse_dates
from imaging.intake.retrieving import UNLABELLED, RetrieveParameters
from imaging.services import DatasetError, checked_dataset_name


class ServerImportForm(ImportForm):
    """As for an upload, without the upload."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["archive"], self.fields["upload"]

    def clean(self) -> dict[str, Any]:
        self.cleaned_data["archive"] = True  # what is imported stands in the address
        values = super().clean()
        del values["archive"]
        return values


class PacsForm(ServerImportForm):
    """`query` of a valid form is what is looked for; `parameters` are those of its retrieval."""

    study_date = forms.CharField(
        label="Study date", required=False, max_length=30, help_text="2024-01-31, or 2024-01-01..2024-03-31."
    )
    modality = forms.CharField(required=False, max_length=16, help_text="DX, CR, ...")
    body_part = forms.CharField(label="Body part", required=False, max_length=16, help_text="CHEST, SKULL, ...")
    label = forms.CharField(
        label="Class of all images", max_length=100, initial=UNLABELLED, help_text="A PACS does not know the classes."
    )
    field_order = ("study_date", "modality", "body_part", "dataset_name", "label", "skip_bad")

    query: PacsQuery

    def __init__(self, data: Any = None, *, counts: bool = False) -> None:
        super().__init__(data)
        for name in ("label_names", "origin", "made_with", "folders", "one_class"):  # of files
            self.fields.pop(name, None)
        if counts:  # how many there are can be asked without a name
            self.fields["dataset_name"].required = False
        self._counts = counts

    def clean_study_date(self) -> str:
        try:
            return parse_dates(self.cleaned_data["study_date"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_modality(self) -> str:
        return str(self.cleaned_data["modality"]).strip().upper()

    def clean_body_part(self) -> str:
        return str(self.cleaned_data["body_part"]).strip().upper()

    def clean_label(self) -> str:
        try:
            return check_label(self.cleaned_data["label"])
        except ValueError as error:
            raise forms.ValidationError(f"The class {error}.") from error

    def clean_dataset_name(self) -> str:
        if self._counts:
            return str(self.cleaned_data["dataset_name"])
        try:
            return checked_dataset_name(self.cleaned_data["dataset_name"])
        except DatasetError as error:
            raise forms.ValidationError(str(error)) from error

    @property
    def parameters(self) -> dict[str, Any]:
        names = {field.name for field in fields(RetrieveParameters)}
        return {name: value for name, value in self.cleaned_data.items() if name in names}

    def clean(self) -> dict[str, Any]:
        super().clean()
        if not self.errors:
            asked = {name: self.cleaned_data[name] for name in ("study_date", "modality", "body_part")}
            try:
                self.query = PacsQuery(**asked)
            except ValueError as error:
                raise forms.ValidationError(f"{error}.") from error
        return self.cleaned_data
