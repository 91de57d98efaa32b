"""The plain fields of a study, in the sections in which the page shows them. Times are in seconds here, not in ms."""

from dataclasses import dataclass
from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from turing.drawing import LARGEST_SEED
from turing.forms.shares import per_cent, share_of
from turing.models import GroupBy, MarkKind, Origin, Scale, TrialOrder
from turing.models.studies import DEFAULT_LEAK_LIMIT
from turing.services.checking import (
    FEWEST_MADS,
    LONGEST_LIMIT_MS,
    LONGEST_TIME_MS,
    MAX_IMAGE_SIZE,
    MOST_MADS,
    MOST_PRACTICE,
    MOST_WASHOUT_DAYS,
    SHORTEST_LIMIT_MS,
)
from turing.texts import (
    DEFAULT_INSTRUCTIONS,
    DEFAULT_QUESTION,
    default_instructions,
    default_question,
    is_default_instructions,
    is_default_question,
)

SHORTEST_SECONDS, LONGEST_SECONDS = SHORTEST_LIMIT_MS / 1000, LONGEST_LIMIT_MS / 1000
SCALES_WITH_WORDS = (Scale.BINARY, Scale.PERCENT)  # whose words for the two kinds can be chosen


@dataclass(frozen=True)
class Section:
    """A part of the form that a plain study leaves closed."""

    key: str
    title: str
    lead: str
    fields: tuple[str, ...]


SECTIONS = (
    Section(
        "answers",
        "How readers answer",
        "Two buttons, unless you choose something finer.",
        ("scale", "real_label", "synthetic_label", "mark_kind", "asks_comment"),
    ),
    Section(
        "practice",
        "Practice and repeats",
        "Images before the first one that counts, and images shown twice: does a reader agree with herself or himself?",
        ("n_practice", "practice_feedback", "n_repeats"),
    ),
    Section(
        "order",
        "Order and breaks",
        "One random mix, the same for all readers and without breaks, unless you choose otherwise.",
        ("order", "block_size", "break_every"),
    ),
    Section(
        "time",
        "Time limits",
        "None, unless you set one. The time a reader takes is measured either way.",
        ("exposure_limit", "time_limit"),
    ),
    Section(
        "telling",
        "What readers are told",
        "How many images there are, and after the end, how many answers were right.",
        ("hides_total", "shows_score"),
    ),
    Section(
        "words",
        "Consent and closing words",
        "Before the instructions, and after the last image.",
        ("consent", "closing_text"),
    ),
    Section(
        "groups",
        "Reader groups",
        "Readers declare their experience before they start; the group follows from it, by the rule that you set here. "
        "It is fixed when the study is opened, and the results compare the groups.",
        ("group_by",),
    ),
    Section(
        "analysis",
        "Plan of the analysis",
        "What a paper must have declared before the answers were seen. It is frozen when the study is opened; the "
        "report takes it from here, and says of anything else that it was chosen afterwards.",
        ("equivalence_margin", "confidence_level", "shortest_time", "longest_time", "outlier_mads"),
    ),
    Section(
        "phases",
        "More phases",
        "After the images above come others, with a question and instructions of their own: for instance first unaware "
        "of the purpose, then told that some images are synthetic, then told what to look for. No image is in two "
        "phases.",
        (),
    ),
)
# under another name here than in the model
_SECONDS = {
    "exposure_limit": "exposure_limit_ms",
    "time_limit": "time_limit_ms",
    "shortest_time": "shortest_time_ms",
    "longest_time": "longest_time_ms",
}
_PER_CENT = ("equivalence_margin", "confidence_level")  # here; shares in the model
_EMPTY_IS_ZERO = ("n_practice", "n_repeats", "break_every")
_AS_THEY_ARE = (
    *("name", "question", "instructions", "positive_class", "seed", "image_size", "scale", "mark_kind", "asks_comment"),
    *("order", "shows_score", "consent", "closing_text", "group_by", "outlier_mads"),
)


class _ProtocolFields(forms.Form):
    name = forms.CharField(max_length=200, help_text="Readers see it too: say nothing about where images come from.")
    question = forms.CharField(max_length=300, initial=DEFAULT_QUESTION, help_text="Shown above every image.")
    instructions = forms.CharField(
        initial=DEFAULT_INSTRUCTIONS,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text="Markdown. Readers see them before the first image, with the keys explained below.",
    )
    positive_class = forms.ChoiceField(
        choices=Origin.choices,
        initial=Origin.REAL,
        widget=forms.RadioSelect,
        help_text="Sensitivity is the share of this class that is recognised. Papers differ, so every table names it.",
    )
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=LARGEST_SEED,
        help_text="Decides which images are drawn, and their order. Empty: one that nobody can foresee.",
    )
    image_size = forms.IntegerField(
        required=False,
        min_value=8,
        max_value=MAX_IMAGE_SIZE,
        label="Image size in pixels",
        help_text="Every image is rendered to a square of this side. Empty: the smallest side among the images of both "
        "sets, so that resolution gives nothing away: real images are reduced to what a generator makes.",
    )
    bit_depth = forms.TypedChoiceField(
        choices=[(8, "8 bits: 256 greys"), (16, "16 bits: all the greys of the images")],
        coerce=int,
        initial=8,
        required=False,
        label="Depth of grey",
        help_text="16 bits only when every image of both sets was imported with more than 8; readers then have room to "
        "change the contrast. Twice as much is sent for each image.",
    )
    leak_limit = forms.FloatField(
        required=False,
        min_value=0.51,
        max_value=1,
        step_size=0.01,
        initial=DEFAULT_LEAK_LIMIT,
        label="Limit of the leak audit (AUC)",
        help_text="When the study is opened, everything about an image but the picture itself is tried for telling "
        "real from synthetic. Above this limit the study is not opened. 0.5 is chance, 1 is certainty. Empty: 0.75.",
    )

    scale = forms.ChoiceField(
        choices=Scale.choices,
        initial=Scale.BINARY,
        required=False,
        widget=forms.RadioSelect,
        label="Answer",
        help_text="Nothing is selected before the reader selects it. Finer answers give a ROC curve for each reader. "
        "In pairs, the number of images on each side below is the number of pairs.",
    )
    real_label = forms.CharField(
        max_length=40,
        initial=Origin.REAL.label,
        required=False,
        label="Word for “real”",
        widget=forms.TextInput(attrs={"data-needs": "scale=binary|percent"}),
        help_text="Change the two words when readers shall not know yet what is asked, for instance “Usual” and "
        "“Unusual”; then change the question too.",
    )
    synthetic_label = forms.CharField(
        max_length=40,
        initial=Origin.SYNTHETIC.label,
        required=False,
        label="Word for “synthetic”",
        widget=forms.TextInput(attrs={"data-needs": "scale=binary|percent"}),
    )
    mark_kind = forms.ChoiceField(
        choices=MarkKind.choices,
        required=False,
        widget=forms.RadioSelect,
        label="Marks on the image",
        help_text="Readers may mark what gave the image away. They need not.",
    )
    asks_comment = forms.BooleanField(
        required=False,
        label="Offer a field for a comment",
        help_text="On every image, in the reader's own words. It may stay empty.",
    )

    n_practice = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_PRACTICE,
        label="Practice images",
        help_text="Shown first, half of each kind, and kept out of the results. They are drawn from the images that "
        "match above, and are not shown again. Empty: none.",
    )
    practice_feedback = forms.BooleanField(
        required=False,
        label="After each practice image, say what it was",
        help_text="Only in the practice: no reader is ever told the truth of an image that counts.",
    )
    n_repeats = forms.IntegerField(
        required=False,
        min_value=0,
        label="Images shown a second time",
        help_text="Unannounced and never in a row; at most half as many as the study has. The first answer counts, the "
        "second tells how well a reader agrees with herself or himself. Empty: none.",
    )

    order = forms.ChoiceField(
        choices=TrialOrder.choices,
        initial=TrialOrder.SAME,
        required=False,
        widget=forms.RadioSelect,
        help_text="Always drawn at random from the seed, and stored. The same order lets you compare readers image by "
        "image; an order for each keeps tiredness from falling on the same images.",
    )
    block_size = forms.IntegerField(
        required=False,
        min_value=2,
        label="Images in a block",
        widget=forms.NumberInput(attrs={"data-needs": "order=blocks"}),
        help_text="Each block holds the same shares of real and synthetic images, as near as possible.",
    )
    break_every = forms.IntegerField(
        required=False,
        min_value=1,
        label="Offer a break after so many images",
        help_text="A calm page without an image, until the reader goes on. Empty: no breaks; readers may stop after "
        "any image all the same.",
    )

    exposure_limit = forms.FloatField(
        required=False,
        min_value=SHORTEST_SECONDS,
        max_value=LONGEST_SECONDS,
        label="Seconds that an image stays on the screen",
        help_text="Then it goes, and the reader can still answer. Empty: it stays until the answer.",
    )
    time_limit = forms.FloatField(
        required=False,
        min_value=SHORTEST_SECONDS,
        max_value=LONGEST_SECONDS,
        label="Seconds for an answer",
        help_text="Then the next image comes, and “no answer in time” is stored, which is final too. Empty: no limit.",
    )

    hides_total = forms.BooleanField(
        required=False,
        label="Do not tell readers how many images there are",
        help_text="They see “Image 5” in place of “5 of 200”, and no bar.",
    )
    shows_score = forms.BooleanField(
        required=False,
        label="Show readers their score",
        help_text="How many of their answers were right: only once the study is closed, and only to who finished it.",
    )

    consent = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        label="Consent",
        help_text="Markdown. Readers must agree to it before they start, and the moment is stored. Empty: not asked.",
    )
    closing_text = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        label="Closing words",
        help_text="Markdown. Shown below the thanks after the last image. Empty: the thanks alone.",
    )
    washout_days = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_WASHOUT_DAYS,
        label="Washout in days",
        help_text="Each reader can start so long after finishing the first session.",
    )
    group_by = forms.ChoiceField(choices=GroupBy.choices, required=False, widget=forms.RadioSelect, label="Groups by")

    equivalence_margin = forms.FloatField(
        required=False,
        min_value=0.1,
        max_value=49.9,
        label="Equivalence margin in percentage points around 50 %",
        help_text="10 means: readers who are shown to be right in 40 % to 60 % of answers count as unable to tell real "
        "from synthetic. Empty: none is declared, and the report makes no such claim.",
    )
    confidence_level = forms.FloatField(
        required=False,
        min_value=50.01,
        max_value=99.99,
        label="Confidence of intervals in %",
        help_text="95 is usual; then each of the two tests of equivalence has α = 0.05. Empty: 95 with a margin, and "
        "otherwise not declared.",
    )
    shortest_time = forms.FloatField(
        required=False,
        min_value=0.001,
        max_value=LONGEST_TIME_MS / 1000,
        label="Outlying below, in seconds",
        help_text="A reading time too short to have looked. The answer counts all the same; models of reading time are "
        "also fitted without it. Empty: no rule.",
    )
    longest_time = forms.FloatField(
        required=False,
        min_value=0.001,
        max_value=LONGEST_TIME_MS / 1000,
        label="Outlying above, in seconds",
        help_text="Likewise a time so long that the reader was probably away. Empty: no rule.",
    )
    outlier_mads = forms.FloatField(
        required=False,
        min_value=FEWEST_MADS,
        max_value=MOST_MADS,
        label="Outlying further than so many MADs",
        help_text="From the reader’s own median, in scaled median absolute deviations of log(seconds + 1); 3.5 is "
        "usual. Empty: no rule.",
    )


class ProtocolForm(BootstrapFormMixin, _ProtocolFields):
    def clean(self) -> dict[str, Any]:
        """Fills in what was left empty, and lets words that nobody touched follow the protocol."""
        cleaned = self.cleaned_data
        for name in ("scale", "order", "real_label", "synthetic_label"):
            cleaned[name] = cleaned.get(name) or self.fields[name].initial
        scale = cleaned["scale"]
        if is_default_question(cleaned.get("question", "")):
            cleaned["question"] = default_question(scale=scale, positive_class=cleaned.get("positive_class", "real"))
        if is_default_instructions(cleaned.get("instructions", "")):
            cleaned["instructions"] = default_instructions(
                scale=scale,
                is_timed=bool(cleaned.get("exposure_limit") or cleaned.get("time_limit")),
                has_feedback=bool(cleaned.get("n_practice") and cleaned.get("practice_feedback")),
            )
        if cleaned["order"] == TrialOrder.BLOCKS and not cleaned.get("block_size") and "block_size" not in self.errors:
            self.add_error("block_size", "How many images does a block have? At least 2.")
        exposure, limit = cleaned.get("exposure_limit"), cleaned.get("time_limit")
        if exposure and limit and exposure > limit:
            self.add_error("exposure_limit", "Longer than the time for an answer: the image would never go.")
        shortest, longest = cleaned.get("shortest_time"), cleaned.get("longest_time")
        if shortest and longest and shortest >= longest:
            self.add_error("shortest_time", "Not below the longest one: every reading time would be an outlier.")
        if cleaned.get("practice_feedback") and not cleaned.get("n_practice") and "n_practice" not in self.errors:
            self.add_error("n_practice", "Feedback needs practice images: how many?")
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        """Arguments of `create_study` and `update_study`, from a valid form."""
        cleaned = self.cleaned_data
        values = {name: cleaned[name] for name in _AS_THEY_ARE}
        values |= {name: cleaned[name] or 0 for name in _EMPTY_IS_ZERO}
        for name, field in _SECONDS.items():
            values[field] = None if cleaned[name] is None else round(1000 * cleaned[name])
        for name in _PER_CENT:
            values[name] = share_of(cleaned[name])
        words = {name: cleaned[name] for name in ("real_label", "synthetic_label")}
        has_words = cleaned["scale"] in SCALES_WITH_WORDS
        return values | {
            **{name: word if has_words else self.fields[name].initial for name, word in words.items()},
            "bit_depth": cleaned["bit_depth"] or 8,
            "block_size": cleaned["block_size"] if cleaned["order"] == TrialOrder.BLOCKS else 0,
            "leak_limit": DEFAULT_LEAK_LIMIT if cleaned["leak_limit"] is None else cleaned["leak_limit"],
            "practice_feedback": cleaned["practice_feedback"],
            "shows_total": not cleaned["hides_total"],
        }


def protocol_initial(study: Any) -> dict[str, Any]:
    """Values of the fields, from a study."""
    initial = {name: getattr(study, name) for name in (*_AS_THEY_ARE, "bit_depth", "leak_limit", "practice_feedback")}
    initial |= {name: getattr(study, name) for name in ("real_label", "synthetic_label", "washout_days")}
    initial |= {name: getattr(study, name) or None for name in (*_EMPTY_IS_ZERO, "block_size")}
    for name, field in _SECONDS.items():
        milliseconds = getattr(study, field)
        initial[name] = None if milliseconds is None else milliseconds / 1000
    initial |= {name: per_cent(getattr(study, name)) for name in _PER_CENT}
    return initial | {"hides_total": not study.shows_total}
