"""Form of a generator that somebody else made: its file, and what its owner says about input and output."""

from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from generation.gan.foreign_files import ForeignError
from generation.gan.foreign_settings import CHANNELS, CLASS_INPUTS, FORMATS, LATENT_SHAPES, LATENTS, RANGES, Declaration
from generation.importing.services import read_settings
from generation.models import ForeignGenerator

_RANGE_WORDS = {name: f"{low:g} (black) to {high:g} (white)" for name, (low, high) in RANGES.items()}
_FIELDS = {"format": "file_format", "config": "settings_file"}  # where the form calls them otherwise


class ForeignForm(BootstrapFormMixin, forms.Form):
    """`declaration` of a valid form is what the generator will be tried against."""

    name = forms.CharField(label="Name of the generator", max_length=200)
    made_with = forms.CharField(
        max_length=200, help_text="Program, paper or group: it is part of the provenance of every image."
    )
    file = forms.FileField(
        help_text="Python pickles (.pt or .pth of torch.save, .pkl) are refused: opening one can run any code.",
        allow_empty_file=True,  # it is said in other words
    )
    file_format = forms.ChoiceField(label="Format", choices=list(FORMATS.items()), widget=forms.RadioSelect)
    settings_file = forms.FileField(
        label="Settings (JSON)",
        required=False,
        help_text="For safetensors only: what “manage.py export_generator” writes beside the weights. The rest of the "
        "form is then not needed.",
    )
    classes = forms.CharField(
        required=False,
        help_text="Their names, in the order of the generator's own numbers, with commas between them; one name for a "
        "generator without classes.",
    )
    latent_dim = forms.IntegerField(
        label="Latent size", required=False, initial=100, help_text="Random numbers behind an image."
    )
    latent = forms.ChoiceField(label="Latents", choices=list(LATENTS.items()), required=False)
    latent_shape = forms.ChoiceField(label="Shape of the latents", choices=list(LATENT_SHAPES.items()), required=False)
    class_input = forms.ChoiceField(
        label="How it is told the class", choices=list(CLASS_INPUTS.items()), required=False
    )
    value_range = forms.ChoiceField(label="Values of the images", choices=list(_RANGE_WORDS.items()), required=False)
    channels = forms.TypedChoiceField(
        choices=[(number, "1 (grey)" if number == 1 else "3 (made grey: the mean)") for number in CHANNELS],
        coerce=int,
        required=False,
    )
    licence = forms.CharField(required=False, max_length=200, help_text="For example CC BY 4.0.")
    citation = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.declaration: Declaration | None = None

    @property
    def owner_fields(self) -> list[forms.BoundField]:
        """What must be said of a file that does not say it itself."""
        names = ("classes", "class_input", "latent_dim", "latent", "latent_shape", "value_range", "channels")
        return [self[name] for name in names]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if ForeignGenerator.objects.filter(name=name).exists():
            raise forms.ValidationError(f"There is a generator called “{name}” already. Choose another name.")
        return name

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if self.errors:
            return values
        try:
            self.declaration = self._declared(values)
        except ForeignError as error:
            self.add_error("settings_file", str(error))
        except ValueError as error:
            field = str(error).split(" ", 1)[0].rstrip(":")
            field = _FIELDS.get(field, field)
            self.add_error(field if field in self.fields else None, str(error))
        return values

    def _declared(self, values: dict[str, Any]) -> Declaration:
        if values["file_format"] == "safetensors":
            upload = values.get("settings_file")
            if upload is None:
                raise ForeignError("A state of weights needs the settings of its network. Choose their JSON file")
            read = read_settings(upload.read(2**20))
            config = read["config"]
            return Declaration(
                format="safetensors",
                generator=read["generator"],
                config=config,
                classes=tuple(read["classes"]),
                latent_dim=config["latent_dim"],
                channels=config["channels"],
                class_input="index",
            )
        names = tuple(part.strip() for part in values["classes"].split(",") if part.strip())
        chosen = {name: values[name] for name in ("latent", "latent_shape", "class_input", "value_range", "channels")}
        return Declaration(
            format=values["file_format"],
            classes=names,
            latent_dim=values["latent_dim"] if values["latent_dim"] is not None else 100,
            **{name: value for name, value in chosen.items() if value not in ("", None)},
        )
