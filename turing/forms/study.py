"""The whole study form: plain fields, the two sides, reader groups and later phases, checked together.

It works without JavaScript: adding or removing a phase is a submit that changes the page and saves nothing.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField
from django.http import QueryDict

from turing.drawing import share_practice
from turing.errors import StudyError
from turing.forms.protocol import SCALES_WITH_WORDS, SECTIONS, ProtocolForm, Section, protocol_initial
from turing.forms.rows import SIDES, USUAL_GROUPS, GroupForm, PhaseForm, phase_initial, side_initial
from turing.forms.sides import SideForm, side_options
from turing.grouping import clean_groups
from turing.models import GroupBy, Scale, Study
from turing.services.checking import MOST_PHASES
from turing.texts import default_instructions, default_question, is_default_question

N_GROUPS = 4  # rows of the form
N_PHASES = "n_phases"  # hidden: how many later phases the page shows
IMAGES_OF_A_PHASE = (
    *("real_dataset", "real_filters", "n_real"),
    *("synthetic_dataset", "synthetic_filters", "n_synthetic"),
)
ADD_PHASE, REMOVE_PHASE = "add_phase", "remove_phase"  # buttons; the second one's value is the index of the phase

PHASES_AGAIN = Section(  # of a second session
    "phases",
    "Later phases",
    "The images of each phase are those of the first session. What readers are asked and told is yours to change.",
    (),
)


@dataclass(frozen=True)
class ShownSection:
    section: Section
    fields: list[BoundField]
    is_used: bool  # something in it is not as in the plainest study
    has_errors: bool


class StudyForm:
    """Quacks like a form: `is_bound`, `is_valid`, `add_error`, `non_field_errors`, and `values` for the services."""

    def __init__(self, data: Any = None, *, study: Study | None = None) -> None:
        """`data`: of a request that saves, adds or removes a phase; None: `study`, or an empty form."""
        self.study = study
        self.is_bound = data is not None
        # a second session has the phases of the first: their words can be changed, their number cannot
        self.changes_phases = data is not None and not self.is_follow_up and (ADD_PHASE in data or REMOVE_PHASE in data)
        self._options = {side: side_options(side) for side in SIDES}
        if data is not None and self.changes_phases:
            self._build(None, study, initial=_with_phases_changed(data))
        else:
            self._build(data, study)

    def _build(self, data: Any, study: Study | None, initial: QueryDict | None = None) -> None:
        self.main = ProtocolForm(data, initial=None if study is None else protocol_initial(study))
        if initial is not None:
            self.main.initial = _typed_in(self.main, initial)
        self.sides = {
            side: SideForm(
                data,
                origin=side,
                options=self._options[side],
                initial=None if study is None else side_initial(study, side),
            )
            for side in SIDES
        }
        groups = study.groups if study is not None and study.groups else USUAL_GROUPS
        self.groups = [
            GroupForm(data, prefix=f"group-{index}", initial=groups[index] if index < len(groups) else None)
            for index in range(N_GROUPS)
        ]
        self._stored_phases = [] if study is None else list(study.later_phases.order_by("number"))
        phases = [] if self.is_bound and not self.is_follow_up else self._stored_phases
        source = data if initial is None else initial
        n_phases = len(phases) if source is None or self.is_follow_up else _n_phases(source)
        self.phases = [
            PhaseForm(
                data,
                index=index,
                options={} if self.is_follow_up else self._options,
                first=self.sides,
                initial=phase_initial(phases[index]) if phases else {"question": self.main["question"].value()},
                sides={side: side_initial(phases[index], side) for side in SIDES} if phases else None,
            )
            for index in range(n_phases)
        ]
        if initial is not None:
            for form in self.all_forms():
                form.initial = _typed_in(form, initial) or form.initial

    def all_forms(self) -> list[forms.Form]:
        sides = [] if self.is_follow_up else list(self.sides.values())
        later = [part for phase in self.phases for part in (phase, *phase.side_forms)]
        return [self.main, *sides, *self.groups, *later]

    @property
    def is_follow_up(self) -> bool:
        """A second session shows the images of the first: there are none to choose."""
        return self.study is not None and self.study.follows_id is not None

    # --- for the view ---

    def is_valid(self) -> bool:
        if not self.is_bound or self.changes_phases or not all(form.is_valid() for form in self.all_forms()):
            return False
        self._check_groups()
        if not self.is_follow_up:
            self._check_numbers()
        return not any(form.errors for form in self.all_forms())

    def add_error(self, field: str | None, error: str) -> None:
        self.main.add_error(field, error)

    @property
    def values(self) -> dict[str, Any]:
        """Arguments of `create_study` and `update_study`, from a valid form."""
        values = {**self.main.values, "groups": self._groups}
        values["later_phases"] = [phase.values for phase in self.phases]
        if self.is_follow_up:
            values["washout_days"] = self.main.cleaned_data["washout_days"] or 0
            for words, phase in zip(values["later_phases"], self._stored_phases, strict=True):
                words |= {name: getattr(phase, name) for name in IMAGES_OF_A_PHASE}
        else:
            for side in self.sides.values():
                values |= side.values
        for phase in values["later_phases"]:
            if is_default_question(phase["question"]):
                phase["question"] = default_question(values["scale"], values["positive_class"])
        if values["scale"] not in SCALES_WITH_WORDS:
            plain = {name: values[name] for name in ("real_label", "synthetic_label")}
            values["later_phases"] = [phase | plain for phase in values["later_phases"]]
        return values

    def _check_groups(self) -> None:
        group_by = self.main.cleaned_data["group_by"]
        rows = [form.group for form in self.groups if not form.is_empty]
        if group_by == GroupBy.GRADE:
            rows = [row for row in rows if row["name"] or row["grades"]]
        elif group_by == GroupBy.YEARS:
            rows = [row for row in rows if row["name"] or row["from_years"] is not None]
        try:
            self._groups = clean_groups(group_by, rows)
        except StudyError as error:
            self.add_error("group_by", str(error))

    def _check_numbers(self) -> None:
        cleaned = self.main.cleaned_data
        is_pair = cleaned["scale"] == Scale.PAIR
        practice = share_practice(cleaned["n_practice"] or 0, pairs=is_pair)
        for form, also in zip(self.sides.values(), practice, strict=True):
            form.check_number(also=also)
        for phase in self.phases:
            for form in phase.side_forms:
                form.check_number()
        for sides in (self.sides, *(phase.sides for phase in self.phases)):
            n_real, n_synthetic = (sides[side].cleaned_data.get("number") for side in SIDES)
            if is_pair and None not in (n_real, n_synthetic) and n_real != n_synthetic:
                sides["synthetic"].add_error(
                    "number", f"A pair has one image of each kind: {n_real} real images need {n_real} synthetic ones."
                )
        trials = sum(
            form.cleaned_data.get("number") or 0
            for sides in (self.sides, *(phase.sides for phase in self.phases))
            for form in sides.values()
        ) // (2 if is_pair else 1)
        repeats = cleaned["n_repeats"] or 0
        if repeats > trials // 2:
            self.add_error("n_repeats", f"At most half of the {trials} can be shown a second time: {trials // 2}.")

    # --- for the template ---

    @property
    def non_field_errors(self) -> list[str]:
        return [str(error) for error in self.main.non_field_errors()]

    @property
    def has_errors(self) -> bool:
        return self.is_bound and not self.changes_phases and any(form.errors for form in self.all_forms())

    @property
    def fields(self) -> dict[str, BoundField]:
        return {name: self.main[name] for name in self.main.fields}

    @property
    def side_forms(self) -> list[SideForm]:
        return list(self.sides.values())

    @property
    def sections(self) -> list[ShownSection]:
        if not self.is_follow_up:
            return [self._shown(section) for section in SECTIONS]
        shown = [section for section in SECTIONS if section.key != "phases"]
        return [self._shown(section) for section in (*shown, *((PHASES_AGAIN,) if self.phases else ()))]

    def _shown(self, section: Section) -> ShownSection:
        fields = [self.main[name] for name in section.fields]
        parts: list[forms.Form] = []
        if section.key == "groups":
            parts = list(self.groups)
        elif section.key == "phases":
            parts = [part for phase in self.phases for part in (phase, *phase.side_forms)]
        return ShownSection(
            section=section,
            fields=fields,
            is_used=any(_is_changed(field) for field in fields) or (section.key == "phases" and bool(self.phases)),
            has_errors=any(field.errors for field in fields) or any(part.errors for part in parts),
        )

    @property
    def can_add_phase(self) -> bool:
        return len(self.phases) < MOST_PHASES - 1

    @property
    def default_words(self) -> str:
        """For the script: the questions and instructions that follow the protocol as long as nobody touches them."""
        questions = {
            f"{scale} {positive}": default_question(scale=scale, positive_class=positive)
            for scale in Scale.values
            for positive in ("real", "synthetic")
        }
        instructions = {
            f"{is_pair} {is_timed} {has_feedback}".lower(): default_instructions(
                scale="pair" if is_pair else "binary", is_timed=is_timed, has_feedback=has_feedback
            )
            for is_pair in (False, True)
            for is_timed in (False, True)
            for has_feedback in (False, True)
        }
        return json.dumps({"question": questions, "instructions": instructions})


def base_of_side(text: str) -> str | None:
    """The prefix of a side of the form, from a request: empty, "phase-0-", ...; None for anything else."""
    return text if re.fullmatch(r"(phase-[0-9]-)?", text) else None


def _is_changed(field: BoundField) -> bool:
    return str(field.value() or "") != str(field.field.initial or "")


def _n_phases(data: Mapping[str, Any]) -> int:
    number = str(data.get(N_PHASES, "0"))
    return min(int(number), MOST_PHASES - 1) if number.isdecimal() and len(number) < 3 else 0


def _with_phases_changed(data: QueryDict) -> QueryDict:
    """What was typed in, with one phase more at the end, or without one."""
    changed = data.copy()
    number = _n_phases(data)
    removed = data.get(REMOVE_PHASE, "")
    if removed.isdecimal() and int(removed) < number:
        for key in [key for key in changed if key.startswith("phase-")]:
            del changed[key]
        for index in range(number):
            if index != int(removed):
                after = index - (index > int(removed))
                for key in [key for key in data if key.startswith(f"phase-{index}-")]:
                    changed.setlist(f"phase-{after}-{key.split('-', 2)[2]}", data.getlist(key))
        number -= 1
    elif ADD_PHASE in data and number < MOST_PHASES - 1:
        number += 1
    changed[N_PHASES] = str(number)
    return changed


def _typed_in(form: forms.Form, data: QueryDict) -> dict[str, Any]:
    """The values of `form` in `data`, to be shown without being checked; empty when `data` has none of it."""
    if not any(key in data for key in (form.add_prefix(name) for name in form.fields)):
        return {}
    return {
        name: field.widget.value_from_datadict(data, {}, form.add_prefix(name)) for name, field in form.fields.items()
    }
