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
TOOL_HELP = {
    "film": "A film goes from one generated image to the next without a cut.",
    "mixing": "A mixture takes the coarse form of one image and the detail of another.",
    "projection": "The nearest image is what the generator makes that is most like an image you name.",
}
# which fields a tool reads; the page shows the others only where scripts and new style sheets are missing
USED_BY = {"image": ("projection",), "crossover": ("mixing",), "truncation": ("film", "mixing")}


class ToolForm(BootstrapFormMixin, forms.Form):
    """`parameters` of a valid form is what the job is asked to do."""

    tool = forms.ChoiceField(
        choices=list(TOOLS.items()),
        label="What",
        widget=forms.RadioSelect,
        initial="film",
    )
    checkpoint = CheckpointField(Checkpoint.objects.none(), empty_label=None)
    label = forms.ChoiceField(
        label="Class",
        required=False,
        help_text="Not chosen: every class in a film, the first in a mixture, the one that comes nearest for an image.",
    )
    image = forms.CharField(
        label="Image",
        required=False,
        help_text="The address of its page under Datasets, copied from the browser, or its id.",
    )
    seed = forms.IntegerField(min_value=0, max_value=MAX_SEED, initial=1, required=False)
    crossover = forms.IntegerField(
        min_value=1,
        initial=2,
        required=False,
        label="Layers of the row",
        help_text="So many of the network's first layers follow the image of the row, the rest that of the column.",
    )
    truncation = forms.FloatField(
        min_value=0,
        max_value=MAX_TRUNCATION,
        initial=1,
        required=False,
        help_text="1: as varied as the generator makes them. Below 1, down to 0: more ordinary.",
    )

    def __init__(
        self, data: Any = None, *, origin: TrainingRun | ForeignGenerator, checkpoints: list[Checkpoint]
    ) -> None:
        super().__init__(data, initial={"checkpoint": checkpoints[-1]}, prefix="tool")
        self.action = reverse("generation:tool_start", args=[checkpoints[-1].pk])
        self.parameters: ToolParameters | None = None
        known = Checkpoint.objects.filter(pk__in=[checkpoint.pk for checkpoint in checkpoints])
        self.fields["checkpoint"].queryset = known  # type: ignore[attr-defined]
        self.fields["label"].choices = [("", "Not chosen"), *((name, name) for name in origin.classes)]  # type: ignore[attr-defined]
        name = origin.generator if isinstance(origin, TrainingRun) else origin.declaration["generator"]
        tools = dict(TOOLS)
        if not getattr(get_generator(name).config, "supports_truncation", False):
            del self.fields["crossover"], self.fields["truncation"]
            del tools["mixing"]
        self.fields["tool"].choices = list(tools.items())  # type: ignore[attr-defined]
        self.fields["tool"].help_text = " ".join(TOOL_HELP[tool] for tool in tools)

    @property
    def fields_with_tools(self) -> list[tuple[forms.BoundField, tuple[str, ...]]]:
        """Every field but `tool`, with the tools that read it."""
        return [(self[name], USED_BY.get(name, tuple(TOOLS))) for name in self.fields if name != "tool"]

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
        if tool == "projection" and not values["image"]:
            self.add_error("image", "Say which image: open it under Datasets and copy the address of its page.")
            return values
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
