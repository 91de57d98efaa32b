"""Form of a search for duplicates."""

from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from imaging.duplicates.parameters import NEAR, WIDEST
from imaging.models import Dataset


class SearchForm(BootstrapFormMixin, forms.Form):
    others = forms.ModelMultipleChoiceField(
        Dataset.objects.none(),
        label="Compare with these datasets too",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="The dataset is compared with itself in any case.",
    )
    limit = forms.IntegerField(
        label="Bits that may differ, of 256",
        min_value=0,
        max_value=WIDEST,
        initial=NEAR,
        help_text=f"{NEAR} finds copies that were saved as JPEG, scaled, made brighter or darker, shifted by a few "
        "pixels or turned by one degree, and took no two patients of 795 chest radiographs for copies. More finds "
        "more, and takes more different patients for copies; 0 finds only what hardly differs.",
    )

    def __init__(self, data: Any = None, *, dataset: Dataset) -> None:
        super().__init__(data)
        others = Dataset.objects.exclude(pk=dataset.pk)
        self.fields["others"].queryset = others  # type: ignore[attr-defined]
        if not others.exists():
            del self.fields["others"]
