"""Forms: what of a classifier is to be explained, and in which images."""

from typing import Any

from django import forms

from classification.explanation_models import Explanation
from classification.explanation_selectors import draw_images
from classification.explanation_services import MAX_IMAGES, check_layer
from classification.layer_choices import last_usable, read_layers, warn_of_last
from classification.models import Classifier
from classification.parameters import DEVICES
from config.forms import BootstrapFormMixin
from config.projects.fields import ChoiceInSight
from imaging.models import Dataset, Image
from worker.setting_fields import fresh_seed

USUAL_COUNT = 12


class LayerSelect(forms.RadioSelect):
    """Layers that cannot say where are there to be read, and cannot be chosen."""

    unusable: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.unusable:
            option["attrs"]["disabled"] = True
        return option


class ExplainForm(BootstrapFormMixin, forms.Form):
    """Class, layer and method; of the images that an explanation has, or of others with `ChooseImagesForm`."""

    class_name = forms.ChoiceField(label="Class", help_text="What speaks for this class is shown.")
    layer = forms.ChoiceField(label="Layer", required=False, widget=LayerSelect)
    method = forms.ChoiceField(
        label="Method",
        choices=Explanation.Method.choices,
        help_text="Grad-CAM++ shows several small findings of one image rather than the strongest alone.",
    )
    device = forms.ChoiceField(
        choices=[(name, label) for name, label in zip(DEVICES, ("Automatic", "CPU", "CUDA GPU"), strict=True)],
        help_text="Automatic takes a CUDA GPU where the worker has one.",
    )

    def __init__(self, data: Any = None, *, classifier: Classifier, initial: dict[str, Any] | None = None) -> None:
        layers = read_layers(classifier.layers)
        usable = last_usable(layers)
        experiment = classifier.experiment
        start = {
            "class_name": experiment.positive,
            "layer": usable.name if usable else "",
            "method": Explanation.Method.GRAD_CAM,
            "device": "auto",
        }
        super().__init__(data, initial=start | (initial or {}))
        self.classifier = classifier
        self.fields["class_name"].choices = [(name, name) for name in experiment.classes]  # type: ignore[attr-defined]
        layer: Any = self.fields["layer"]
        layer.widget.unusable = frozenset(one.name for one in layers if not one.is_usable)
        layer.choices = [(one.name, one.words) for one in layers] or [("", "the last one that can say where")]
        warning = warn_of_last(layers, side=experiment.config["input_side"])
        layer.help_text = (
            f"{warning} The first is the last of the network. An earlier one has finer cells and sees simpler things, "
            "such as edges."
        ).strip()

    def clean_layer(self) -> str:
        layer: str = self.cleaned_data["layer"]
        try:
            check_layer(self.classifier, layer)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        return layer


class ChooseImagesForm(BootstrapFormMixin, forms.Form):
    """Images of a dataset, drawn by a seed. `images` of a valid form are those."""

    dataset = ChoiceInSight(Dataset.objects.all, empty_label=None)
    split = forms.ChoiceField(
        label="Split",
        choices=[("", "All images"), *((value, label) for value, label in Image.Split.choices if value)],
        required=False,
        help_text="Test images are new to the classifier.",
    )
    label = forms.ChoiceField(label="Class of the images", required=False)
    count = forms.IntegerField(label="Number of images", min_value=1, max_value=MAX_IMAGES)
    seed = forms.IntegerField(
        min_value=0, max_value=2**31 - 1, help_text="Draws which: the same seed, the same images."
    )

    def __init__(self, data: Any = None, *, classifier: Classifier) -> None:
        dataset = classifier.experiment.dataset
        has_test = dataset.images.filter(split=Image.Split.TEST).exists()
        initial = {
            "dataset": dataset.pk,
            "split": Image.Split.TEST if has_test else "",
            "count": USUAL_COUNT,
            "seed": fresh_seed(),
        }
        super().__init__(data, initial=initial)
        labels = Image.objects.order_by("label").values_list("label", flat=True).distinct()
        self.fields["label"].choices = [("", "All classes"), *((name, name) for name in labels)]  # type: ignore[attr-defined]
        self.images: list[Image] = []

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            chosen = self.cleaned_data
            self.images = draw_images(
                chosen["dataset"],
                split=chosen["split"],
                label=chosen["label"],
                count=chosen["count"],
                seed=chosen["seed"],
            )
            if not self.images:
                of_class = f" of class {chosen['label']}" if chosen["label"] else ""
                of_split = f" among its {chosen['split']} images" if chosen["split"] else ""
                self.add_error(
                    "dataset",
                    f"“{chosen['dataset'].name}” has no image{of_class}{of_split}. Choose another split or class.",
                )
        return self.cleaned_data
