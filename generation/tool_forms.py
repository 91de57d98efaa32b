"""Form of what is made of a checkpoint apart from samples."""

from typing import Any
from uuid import UUID

from django import forms
from django.urls import reverse

from config.forms import BootstrapFormMixin
from generation.forms import CheckpointField
from generation.gan.registry import get_generator
from generation.gan.sampling_options import MAX_TRUNCATION
from generation.models import Checkpoint, ForeignGenerator, TrainingRun
from generation.tool_parameters import TOOLS, ToolParameters
from imaging.models import Image
from worker.compute.settings import MAX_SEED

PROJECTION_STEPS = 300


class ToolForm(BootstrapFormMixin, forms.Form):
    """`parameters` of a valid form is what the job is asked to do."""

    tool = forms.ChoiceField(choices=list(TOOLS.items()), label="What", widget=forms.RadioSelect, initial="film")
    checkpoint = CheckpointField(Checkpoint.objects.none(), empty_label=None)
    label = forms.ChoiceField(label="Class", required=False)
    image = forms.CharField(
        label="Image",
        required=False,
        help_text="For the nearest image: the address of the image's page, or its id. Real images, above all.",
    )
    seed = forms.IntegerField(min_value=0, max_value=MAX_SEED, initial=1, required=False)
    crossover = forms.IntegerField(
        min_value=1,
        initial=2,
        required=False,
        label="Layers of the row",
        help_text="For a mixture: so many of the network's first layers follow the image of the row.",
    )
    truncation = forms.FloatField(min_value=0, max_value=MAX_TRUNCATION, initial=1, required=False)

    def __init__(
        self, data: Any = None, *, origin: TrainingRun | ForeignGenerator, checkpoints: list[Checkpoint]
    ) -> None:
        super().__init__(data, initial={"checkpoint": checkpoints[-1]}, prefix="tool")
        self.action = reverse("generation:tool_start", args=[checkpoints[-1].pk])
        self.parameters: ToolParameters | None = None
        known = Checkpoint.objects.filter(pk__in=[checkpoint.pk for checkpoint in checkpoints])
        self.fields["checkpoint"].queryset = known  # type: ignore[attr-defined]
        self.fields["label"].choices = [("", "as it fits"), *((name, name) for name in origin.classes)]  # type: ignore[attr-defined]
        name = origin.generator if isinstance(origin, TrainingRun) else origin.declaration["generator"]
        if not getattr(get_generator(name).config, "supports_truncation", False):
            del self.fields["crossover"], self.fields["truncation"]
            self.fields["tool"].choices = [  # type: ignore[attr-defined]
                (tool, words) for tool, words in TOOLS.items() if tool != "mixing"
            ]

    def clean_image(self) -> str:
        """The id, out of an address or as it is; "" when there is none."""
        text: str = self.cleaned_data["image"].strip().rstrip("/").rsplit("/", 1)[-1]
        if not text:
            return ""
        try:
            found = Image.objects.filter(pk=UUID(text)).exists()
        except ValueError:
            found = False
        if not found:
            raise forms.ValidationError("There is no image with this address or id.")
        return text

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if self.errors:
            return values
        given = {name: values.get(name) for name in ("seed", "crossover", "truncation")}
        tool = values["tool"]
        try:
            self.parameters = ToolParameters(
                checkpoint_id=str(values["checkpoint"].pk),
                tool=tool,
                label=values["label"],
                image_id=values["image"] if tool == "projection" else "",
                steps=PROJECTION_STEPS if tool == "projection" else 24,
                **{name: value for name, value in given.items() if value is not None},
            )
        except ValueError as error:
            name = str(error).split(" ", 1)[0].removesuffix("_id")
            self.add_error(name if name in self.fields else None, str(error))
        return values
