"""Forms of answers from elsewhere: the file, and what its columns and words mean."""

import hashlib
from pathlib import PurePath
from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from turing.analysis.columns import NAMES, NEEDED, WORDS, guess_columns
from turing.analysis.labels import SIDES, meanings_of, plain
from turing.analysis.tables import Table
from turing.models import Origin
from turing.reports.reading import TableReading

MAX_MEGABYTES = 20
MOST_WORDS = 12  # different ones in the columns of classes; more are no classes
MEANINGS = ("real", "synthetic", "left", "right", "missing")
_OF_CODE = {0: "real", 1: "synthetic", -1: "missing"}
_ROLES = {
    "reader": "Reader",
    "image": "Image",
    "truth": "Truth",
    "answer": "Answer",
    "correct": "Right or wrong",
    "group": "Group of the reader",
    "seconds": "Reading time in seconds",
    "milliseconds": "Reading time in milliseconds",
    "rating": "Rating",
    "position": "Position",
    "repeat": "Repeat",
    "practice": "Practice",
    "flags": "Doubtful time",
    "right_image": "Other image of a pair",
}


class UploadForm(BootstrapFormMixin, forms.Form):
    file = forms.FileField(
        label="CSV file",
        help_text=f"One row per answer, up to {MAX_MEGABYTES} MB, in UTF-8, separated by commas, semicolons or tabs. "
        "Which column is what, you say on the next page.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
        allow_empty_file=True,  # reading it says what is wrong
    )

    def clean_file(self) -> Any:
        upload = self.cleaned_data["file"]
        if upload.size > MAX_MEGABYTES * 2**20:
            raise forms.ValidationError(
                f"The file has {upload.size / 2**20:.1f} MB; {MAX_MEGABYTES} MB are possible here. Leave out columns "
                "that are not needed, or use “manage.py analyse” on the server."
            )
        return upload


class MappingForm(BootstrapFormMixin, forms.Form):
    """What columns and words of `table` mean. `reading` holds it, once the form is valid."""

    name = forms.CharField(label="Name", max_length=200, help_text="Of these answers, for the title of the report.")
    positive_class = forms.ChoiceField(
        label="Positive class",
        choices=Origin.choices,
        help_text="Whose share of right answers is called sensitivity. Papers differ; every table says which it is.",
    )
    repeats = forms.BooleanField(
        label="A second row of a reader about an image is a repeat",
        required=False,
        help_text="For agreement of readers with themselves. Without this, it is a mistake in the file.",
    )
    rating_high = forms.ChoiceField(
        label="A high rating means", choices=[("synthetic", "Synthetic"), ("real", "Real")], required=False
    )
    rating_cut = forms.FloatField(
        label="A rating above this says so",
        required=False,
        help_text="Needed only where there are ratings and no answers.",
    )

    def __init__(self, data: Any = None, *, table: Table) -> None:
        self.table = table
        super().__init__(
            None if data is None else data.copy(),
            initial={
                "name": PurePath(table.source).stem[:200], "positive_class": "real", "rating_high": "synthetic",
            },
        )  # fmt: skip
        choices = [("", "– none –"), *((name, name) for name in table.header)]
        guessed = guess_columns(table.header)
        if "seconds" in guessed:
            guessed.pop("milliseconds", None)
        for role in NAMES:
            self.fields[f"column_{role}"] = forms.ChoiceField(
                label=_ROLES[role],
                choices=choices,
                required=role in NEEDED,
                initial=guessed.get(role, ""),
                help_text=f"{WORDS[role][0].upper()}{WORDS[role][1:]}.",
                widget=forms.Select(attrs={"class": "form-select"}),
            )
        self._add_words()
        self._add_groups()

    def _chosen(self, role: str) -> str:
        """The column of a role, as far as the form knows yet; "" for none."""
        name = f"column_{role}"
        column = self.data.get(name, "") if self.is_bound else self.fields[name].initial
        return column if column in self.table.header else ""

    def _add_words(self) -> None:
        self.words: dict[str, str] = {}  # name of field -> word
        self.understood: dict[str, str] = {}  # name of field -> meaning without being told
        for role in ("truth", "answer"):
            column = self._chosen(role)
            found = sorted(set(self.table.column(column))) if column else []
            known = meanings_of(column, None)
            for word in found if len(found) <= MOST_WORDS else []:
                name = f"meaning_{hashlib.sha256(word.encode()).hexdigest()[:12]}"
                meaning = plain(word) if plain(word) in SIDES else _OF_CODE.get(known.get(plain(word), 9), "")
                first = name not in self.words
                self.words[name] = word
                self.understood[name] = meaning if first or self.understood[name] == meaning else ""
        for name, word in self.words.items():
            if self.is_bound:  # a word of a column that was chosen only now
                self.data.setdefault(name, self.understood[name])  # type: ignore[attr-defined]  # a copy
            self.fields[name] = forms.ChoiceField(
                label=f"“{word}” means" if word else "An empty cell means",
                choices=[("", "– not known –"), *((meaning, meaning) for meaning in MEANINGS)],
                required=False,
                initial=self.understood[name],
                widget=forms.Select(attrs={"class": "form-select"}),
            )

    def _add_groups(self) -> None:
        column = self._chosen("group")
        groups = sorted({cell for cell in self.table.column(column) if cell}) if column else []
        if 1 < len(groups) <= MOST_WORDS:
            self.fields["reference_group"] = forms.ChoiceField(
                label="Reference group",
                choices=[("", "the first in the alphabet"), *((group, group) for group in groups)],
                required=False,
                help_text="The other groups are compared with it.",
                widget=forms.Select(attrs={"class": "form-select"}),
            )

    @property
    def column_fields(self) -> list[Any]:
        return [self[f"column_{role}"] for role in NAMES]

    @property
    def word_fields(self) -> list[Any]:
        return [self[name] for name in self.words]

    @property
    def other_fields(self) -> list[Any]:
        names = ("name", "positive_class", "reference_group", "repeats", "rating_high", "rating_cut")
        return [self[name] for name in names if name in self.fields]

    def reading(self) -> TableReading:
        """Of a valid form."""
        values = self.cleaned_data
        return TableReading(
            columns={role: values[f"column_{role}"] for role in NAMES},
            labels={
                word: values[name]
                for name, word in self.words.items()
                if values.get(name) and values[name] != self.understood[name]
            },
            positive_class=values["positive_class"],
            reference_group=values.get("reference_group", ""),
            rating_cut=values["rating_cut"],
            rating_high=values["rating_high"] or "synthetic",
            repeats=values["repeats"],
        )
