"""Forms: what to train on, with which settings, and what to sample."""

from collections.abc import Mapping
from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from config.projects.fields import ChoiceInSight
from generation.gan.balancing import balancing_counts
from generation.gan.class_mix import ClassMix, find_normal
from generation.gan.registry import get_generator
from generation.gan.sampling_options import EXACT, MAX_TRUNCATION, PRECISIONS, SamplingOptions
from generation.models import Checkpoint, ForeignGenerator, TrainingRun
from generation.parameters import DEVICES, MAX_IMAGES, MAX_PROCESSES
from generation.preset_choices import list_presets
from imaging.models import Dataset
from imaging.services import DatasetError, checked_dataset_name
from worker.compute.settings import MAX_SEED
from worker.setting_fields import setting_fields


class ChooseForm(BootstrapFormMixin, forms.Form):
    """First step: which images, and which settings to begin with."""

    dataset = ChoiceInSight(
        lambda: Dataset.objects.filter(origin=Dataset.Origin.REAL),
        empty_label="Choose a dataset",
        help_text="A generator learns from real images. The dataset is frozen when training starts.",
    )
    preset = forms.ChoiceField(label="Generator and settings to begin with", widget=forms.RadioSelect)

    def __init__(self, data: Any = None, *, dataset: str | None = None) -> None:
        super().__init__(data, initial={"dataset": dataset})
        self.groups = list_presets()
        choices = [(preset.name, preset.title) for _, presets in self.groups for preset in presets]
        self.fields["preset"].choices = choices  # type: ignore[attr-defined]


class NormalForm(BootstrapFormMixin, forms.Form):
    """Which class of a dataset is the normal one, for a preset that chooses classes by their role.

    Found by its name; `is_valid()` is False as long as it must be asked. Then `labels` are the classes to train on and
    `limits` the most images of a class.
    """

    normal = forms.ChoiceField(label="Which class is the normal one?", required=False, widget=forms.RadioSelect)

    def __init__(self, data: Mapping[str, Any], *, counts: Mapping[str, int], mix: ClassMix) -> None:
        found = find_normal(counts)
        given = {"normal": data.get("normal", found)} if "normal" in data or (found and "ask" not in data) else None
        super().__init__(given, initial={"normal": found})
        self.mix, self.all_labels = mix, list(counts)
        choices = [(label, f"{label} ({count:,} images)") for label, count in counts.items()]
        if mix.has_abnormal:
            choices.append(("", "None: all of them are abnormal"))
        self.fields["normal"].choices = choices  # type: ignore[attr-defined]
        self.labels: list[str] = []
        self.limits: dict[str, int] = {}

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            try:
                self.labels, self.limits = self.mix.choose(self.all_labels, normal=self.cleaned_data["normal"] or None)
            except ValueError as error:
                self.add_error("normal", str(error))
        return self.cleaned_data


class RunForm(BootstrapFormMixin, forms.Form):
    """What a run is called and where it runs; its settings are a form of their own, made from the generator."""

    name = forms.CharField(label="Name of the run", max_length=200)
    best_by = forms.ChoiceField(
        label="Measure at every checkpoint",
        required=False,
        choices=[("", "Nothing"), ("kid", "KID, for any number of images"), ("fid", "FID, for many images")],
        help_text="The distance of 256 generated images to training images. Costs about half a minute each time on a "
        "CPU, seconds on a GPU. The states with the least distance are kept.",
    )
    keep_best = forms.IntegerField(
        label="Best states to keep",
        min_value=0,
        max_value=20,
        initial=3,
        help_text="Beside the last one and five on the way.",
    )
    device = forms.ChoiceField(
        choices=[(name, label) for name, label in zip(DEVICES, ("Automatic", "CPU", "CUDA GPU"), strict=True)],
        help_text="Automatic takes a CUDA GPU where the worker has one.",
    )
    gpus = forms.IntegerField(
        label="GPUs to use",
        min_value=1,
        max_value=MAX_PROCESSES,
        initial=1,
        required=False,
        help_text="Of the worker’s machine, together for this run. Each takes its share of the images of a step, so "
        "their number must be a multiple of this.",
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if TrainingRun.objects.filter(name=name).exists():
            raise forms.ValidationError(f"There is a training run called “{name}” already. Choose another name.")
        return name

    def clean_gpus(self) -> int:
        return self.cleaned_data["gpus"] or 1

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("device") == "cpu" and self.cleaned_data.get("gpus", 1) > 1:
            self.add_error("gpus", "On a CPU a run has one process. Write 1, or choose another device.")
        return self.cleaned_data


class ContinueForm(BootstrapFormMixin, forms.Form):
    """Until when a run that has ended goes on, from its last checkpoint."""

    def __init__(self, data: Any = None, *, run: TrainingRun) -> None:
        name = run.length_setting
        kind = get_generator(run.generator).config
        self.base_fields = {"length": setting_fields(kind)[name]}  # type: ignore[misc]
        super().__init__(data, initial={"length": run.config[name]})
        unit = "Iterations" if name == "iterations" else "Thousands of training images"
        self.fields["length"].label = f"{unit} in all"
        self.fields["length"].help_text = f"Planned so far: {run.length}."


NO_LONGER_KEPT = (
    "This state is no longer kept: while the generator trains, better states replace it. Choose another one; the list "
    "is up to date now."
)


class CheckpointField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"After {obj.images_seen:,} images (iteration {obj.iteration:,})"


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
        self.fields["checkpoint"].error_messages["invalid_choice"] = NO_LONGER_KEPT
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
    def balancing(self) -> dict[str, int]:
        """Class -> synthetic images that make it, with its real ones, as large as the largest (Kong et al. 2022).

        Empty when there is nothing to balance: real images are not known, were learnt from without classes, or are as
        many of each class.
        """
        if set(self.real_counts) != set(self.run.classes) or len(set(self.real_counts.values())) < 2:
            return {}
        return balancing_counts(self.real_counts)

    def balanced(self) -> "SampleForm":
        """A form with the numbers of `balancing`, if there are any, and everything else as it was."""
        data = {name: self[name].value() for name in self.fields}
        for index, name in enumerate(self.run.classes):
            data[f"class_{index}"] = self.balancing.get(name, data[f"class_{index}"])
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
    taken = set(Dataset.everything.filter(name__startswith=name[:190]).values_list("name", flat=True))
    number, free = 1, name[:200]
    while free in taken:
        number += 1
        free = f"{name[:190]} {number}"
    return free
