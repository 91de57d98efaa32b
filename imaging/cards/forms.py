"""What can be said about a dataset, at any time."""

from typing import ClassVar

from django import forms

from config.forms import BootstrapFormMixin
from imaging.models import Dataset


class CardForm(BootstrapFormMixin, forms.ModelForm):
    class Meta:
        model = Dataset
        fields = ("description", "licence", "citation", "known_limits")
        widgets: ClassVar = {
            "description": forms.Textarea({"rows": 5}),
            "citation": forms.Textarea({"rows": 3}),
            "known_limits": forms.Textarea({"rows": 5}),
        }
        help_texts: ClassVar = {
            "licence": "For example CC BY 4.0.",
            "citation": "How a publication must name the source.",
            "known_limits": "What a user of the images has to know: how they were chosen, who is missing, how "
            "sure the classes are.",
        }
