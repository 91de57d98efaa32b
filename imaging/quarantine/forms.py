"""The form of one decision."""

from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from imaging.quarantine.masking import MaskError, check_rectangles, read_rectangles
from imaging.quarantine.models import QuarantinedImage, SignOff

MASKED, RELEASED = SignOff.Decision.MASKED, SignOff.Decision.RELEASED


class DecisionForm(BootstrapFormMixin, forms.Form):
    """`decision` is the button that was pressed; `rectangles` of a valid form is a tuple of `masking.Rectangle`."""

    decision = forms.ChoiceField(choices=SignOff.Decision, widget=forms.HiddenInput)
    rectangles = forms.CharField(
        label="Rectangles",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "tr-mono", "data-rectangles": ""}),
        help_text="One a line: x, y, width, height in pixels of the image, from its upper left corner.",
    )
    note = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),  # in a line, Enter would press the first button: a release
        help_text="Kept with your sign-off. Write no names here.",
    )

    def __init__(self, *args: Any, waiting: QuarantinedImage, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting = waiting

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        decision = values.get("decision")
        try:
            values["rectangles"] = read_rectangles(values.get("rectangles", ""))
            if decision == MASKED:
                check_rectangles(values["rectangles"], width=self.waiting.width, height=self.waiting.height)
        except MaskError as error:
            self.add_error("rectangles", str(error))
        else:
            if decision == RELEASED and values["rectangles"]:
                self.add_error(
                    "rectangles",
                    "You drew rectangles, and pressed “Release as it is”. Press “Release masked”, or remove them.",
                )
        return values
