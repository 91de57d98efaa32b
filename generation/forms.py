"""Forms: what to train on, with which settings, and what to sample."""

import secrets
from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from generation.gan.config import AcganConfig
from generation.gan.presets import PRESETS, is_demonstration
from generation.gan.registry import get_generator
from generation.gan.sampling_options import EXACT, MAX_TRUNCATION, PRECISIONS, SamplingOptions
from generation.gan.settings import MAX_SEED
from generation.models import Checkpoint, ForeignGenerator, TrainingRun
from generation.parameters import DEVICES, MAX_IMAGES
from generation.selectors import balancing_counts
from imaging.models import Dataset
from imaging.services import DatasetError, checked_dataset_name

PRESET_CHOICES = [
    ("kong", "Kong 2022: the published settings, 30,000 iterations"),
    ("demonstration", "Demonstration: narrower networks, a few minutes on two CPU cores"),
]


class ChooseForm(BootstrapFormMixin, forms.Form):
    """First step: which images, and which settings to begin with."""

    dataset = forms.ModelChoiceField(
        Dataset.objects.filter(origin=Dataset.Origin.REAL),
        empty_label="Choose a dataset",
        help_text="A generator learns from real images. The dataset is frozen when training starts.",
    )
    preset = forms.ChoiceField(choices=PRESET_CHOICES, initial="kong", widget=forms.RadioSelect)


class IntegerTupleField(forms.CharField):
    """Whole numbers with commas between them."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return tuple(value)
        try:
            return tuple(int(part) for part in value.split(","))
        except ValueError as error:
            raise forms.ValidationError("Write whole numbers with commas between them.") from error

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(str(part) for part in value) if isinstance(value, list | tuple) else value


class TrainingForm(BootstrapFormMixin, forms.Form):
    """Name, device and every setting of the ACGAN; begins with a preset. `config` of a valid form is the record."""

    MAIN = ("name", "iterations", "batch_size", "learning_rate", "seed", "channels", "device")

    preset = forms.ChoiceField(choices=PRESET_CHOICES, widget=forms.HiddenInput)
    name = forms.CharField(label="Name of the run", max_length=200)
    iterations = forms.IntegerField(
        min_value=1,
        help_text="One iteration is one step of the discriminator and one of the generator. Published: 30,000.",
    )
    batch_size = forms.IntegerField(
        min_value=2, help_text="Real images, and as many generated ones, per iteration. Published: 64."
    )
    learning_rate = forms.FloatField(help_text="Of Adam, for both networks. Published: 0.0002.")
    seed = forms.IntegerField(
        min_value=0, max_value=MAX_SEED, help_text="The same seed on the same images and machine gives the same run."
    )
    channels = forms.TypedChoiceField(
        coerce=int,
        choices=[(1, "1 (grey)"), (3, "3 (as published, grey copied into each)")],
        help_text="Samples are grey either way.",
    )
    device = forms.ChoiceField(
        choices=[(name, label) for name, label in zip(DEVICES, ("Automatic", "CPU", "CUDA GPU"), strict=True)],
        help_text="Automatic takes a CUDA GPU where the worker has one.",
    )
    latent_dim = forms.IntegerField(label="Latent size", help_text="Random numbers behind an image. Published: 100.")
    latent_std = forms.FloatField(
        label="Latent standard deviation",
        help_text="The paper's “normal distribution, standard deviation 0.02” may mean this or the next setting. "
        "We read it as the next; latents have 1.",
    )
    weight_init_std = forms.FloatField(
        label="Weight initialisation standard deviation",
        help_text="Of a normal distribution around 0, for all dense and convolution weights: 0.02.",
    )
    embedding_dim = forms.IntegerField(label="Class embedding size", help_text="Published: 50.")
    generator_channels = IntegerTupleField(
        label="Generator widths",
        help_text="Maps at 7, 14 and 28 pixels. Not in the paper; the usual ACGAN has 384, 192, 96.",
    )
    discriminator_channels = IntegerTupleField(
        label="Discriminator widths",
        help_text="Maps at 28, 14, 7 and 4 pixels. Not in the paper; the usual ACGAN has 32, 64, 128, 256.",
    )
    dropout = forms.FloatField(help_text="In the discriminator, after all but the last convolution. Published: 0.5.")
    leaky_slope = forms.FloatField(label="LeakyReLU slope", help_text="In the discriminator. Published: 0.2.")
    beta1 = forms.FloatField(label="Adam β1", help_text="Published: 0.5.")
    beta2 = forms.FloatField(label="Adam β2", help_text="Not in the paper; Adam's own default is 0.999.")
    checkpoint_every = forms.IntegerField(
        label="Checkpoint every", help_text="Iterations. What a crash can cost at most."
    )
    grid_every = forms.IntegerField(
        label="Sample grid every", help_text="Iterations between pictures of the same latents."
    )
    grid_columns = forms.IntegerField(label="Images per class in a grid", help_text="1 to 32.")
    metrics_every = forms.IntegerField(
        label="Curve point every", help_text="Iterations over which a point is averaged."
    )

    def __init__(self, data: Any = None, *, preset: str = "kong") -> None:
        config = PRESETS[preset].make(secrets.randbelow(2**31))
        super().__init__(data, initial={**config.to_dict(), "preset": preset, "device": "auto"})
        self.config: AcganConfig | None = None
        for field in self.fields.values():
            if type(field) is forms.FloatField:
                field.widget.attrs["step"] = "any"

    @property
    def main_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.MAIN]

    @property
    def advanced_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in (*self.MAIN, "preset")]

    @property
    def has_advanced_errors(self) -> bool:
        return any(name not in self.MAIN for name in self.errors)

    @property
    def is_demonstration(self) -> bool:
        return self.config is not None and is_demonstration(self.cleaned_data["preset"], self.config)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if TrainingRun.objects.filter(name=name).exists():
            raise forms.ValidationError(f"There is a training run called “{name}” already. Choose another name.")
        return name

    def clean(self) -> dict[str, Any]:
        if self.errors:
            return self.cleaned_data
        settings = {
            name: value for name, value in self.cleaned_data.items() if name not in ("name", "device", "preset")
        }
        try:
            self.config = AcganConfig.from_dict(settings)
        except ValueError as error:
            field = str(error).split(" ", 1)[0]  # its messages begin with the setting's name
            self.add_error(field if field in self.fields else None, str(error))
        return self.cleaned_data


class CheckpointField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"Iteration {obj.iteration:,}"


class SampleForm(BootstrapFormMixin, forms.Form):
    """How many images of each class to draw from which checkpoint, and how; one number field per class.

    `run` is a training run or a generator from elsewhere. `real_counts`: training images of each class, for `balanced`.
    """

    dataset_name = forms.CharField(label="Name of the new dataset", max_length=200)
    checkpoint = CheckpointField(Checkpoint.objects.none(), empty_label=None)
    seed = forms.IntegerField(
        min_value=0,
        max_value=MAX_SEED,
        help_text="The same checkpoint, numbers and seed give the same images; drawn exactly, bit for bit.",
    )
    precision = forms.ChoiceField(
        choices=list(PRECISIONS.items()),
        required=False,
        help_text="Of a fast drawing it is on record by how many grey levels an image that is made again may differ.",
    )
    truncation = forms.FloatField(
        required=False,
        min_value=0,
        max_value=MAX_TRUNCATION,
        help_text="1: images as varied as the generator makes them. Below 1, down to 0: more ordinary, less varied.",
    )

    def __init__(
        self,
        data: Any = None,
        *,
        run: TrainingRun | ForeignGenerator,
        checkpoints: list[Checkpoint],
        real_counts: dict[str, int] | None = None,
    ) -> None:
        initial = {
            "dataset_name": _free_name(f"{run.name}, samples"),
            "checkpoint": checkpoints[-1] if checkpoints else None,
            "seed": 1,
            "truncation": 1,
        }
        super().__init__(data, initial=initial)
        self.run, self.real_counts = run, real_counts or {}
        fields = self.fields
        fields["checkpoint"].queryset = Checkpoint.objects.filter(  # type: ignore[attr-defined]
            pk__in=[checkpoint.pk for checkpoint in checkpoints]
        )
        if isinstance(run, ForeignGenerator):
            fields["checkpoint"].widget = forms.HiddenInput()
        if not self._generator_has("supports_truncation"):
            del fields["truncation"]
        if isinstance(run, ForeignGenerator) and run.declaration["format"] != "safetensors":
            del fields["precision"]  # that of the file
        for index, name in enumerate(run.classes):
            fields[f"class_{index}"] = forms.IntegerField(
                label=f"Images of class {name}", min_value=0, max_value=MAX_IMAGES, initial=100
            )
            fields[f"class_{index}"].widget.attrs["class"] = "form-control"
        last = [name for name in fields if name in ("precision", "truncation")]
        self.order_fields([*(name for name in fields if name not in last), *last])

    def _generator_has(self, ability: str) -> bool:
        name = self.run.generator if isinstance(self.run, TrainingRun) else self.run.declaration["generator"]
        return bool(name) and bool(getattr(get_generator(name).config, ability, False))

    @property
    def can_balance(self) -> bool:
        """Whether the classes that the generator learnt from differ in size."""
        return len(set(self.real_counts.values())) > 1

    def balanced(self) -> "SampleForm":
        """A form with the numbers that make the classes as large as the largest, and everything else as it was."""
        data = {name: self[name].value() for name in self.fields}
        counts = balancing_counts(self.real_counts)
        for index, name in enumerate(self.run.classes):
            data[f"class_{index}"] = counts.get(name, 0)
        checkpoints = list(self.fields["checkpoint"].queryset)  # type: ignore[attr-defined]
        return SampleForm(data, run=self.run, checkpoints=checkpoints, real_counts=self.real_counts)

    @property
    def per_class(self) -> dict[str, int]:
        return {name: self.cleaned_data[f"class_{index}"] for index, name in enumerate(self.run.classes)}

    @property
    def options(self) -> SamplingOptions:
        truncation = self.cleaned_data.get("truncation")
        return SamplingOptions(
            precision=self.cleaned_data.get("precision") or EXACT, truncation=1.0 if truncation is None else truncation
        )

    def clean_dataset_name(self) -> str:
        try:
            return checked_dataset_name(self.cleaned_data["dataset_name"])
        except DatasetError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        counts = [cleaned.get(f"class_{index}") for index in range(len(self.run.classes))]
        if None not in counts and not 1 <= sum(count or 0 for count in counts) <= MAX_IMAGES:
            raise forms.ValidationError(f"Ask for 1 to {MAX_IMAGES:,} images in all.")
        return cleaned


def _free_name(name: str) -> str:
    """`name`, or with the first number that makes it new."""
    taken = set(Dataset.objects.filter(name__startswith=name[:190]).values_list("name", flat=True))
    number, free = 1, name[:200]
    while free in taken:
        number += 1
        free = f"{name[:190]} {number}"
    return free
