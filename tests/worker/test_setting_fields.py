"""The form of a generator's settings: what it shows, unchanged, is what it was made from; for every preset there is."""

from dataclasses import fields

import pytest

from generation.gan.presets import PRESETS
from worker.compute.settings import Settings, setting_range
from worker.setting_fields import SettingsForm, setting_fields, setting_value


def sent_by_browser(config: Settings) -> dict[str, str]:
    """What a browser sends back of the unchanged form."""
    form = SettingsForm(initial=config)
    values = {}
    for field in form:
        value = field.field.widget.format_value(field.field.prepare_value(field.value()))
        is_box = field.widget_type == "checkbox"
        if not is_box or field.value():
            values[field.html_name] = "on" if is_box else (value[0] if isinstance(value, list) else value)
    return values


@pytest.mark.parametrize("name", PRESETS)
def test_an_unchanged_form_gives_the_preset(name):
    config = PRESETS[name].make(5)
    form = SettingsForm(sent_by_browser(config), initial=config)

    assert form.is_valid(), form.errors
    assert form.config == config


@pytest.mark.parametrize("name", PRESETS)
def test_every_setting_that_can_be_chosen_is_shown_with_label_and_help(name):
    form = SettingsForm(initial=PRESETS[name].make(5))
    can_be_chosen = [one.name for one in fields(form.begin) if len(setting_range(one).choices or "ab") > 1]

    shown = [field.name for field in (*form.main_fields, *form.more_fields)]
    assert sorted(shown) == sorted(can_be_chosen)
    assert [field.name for field in form if not (field.label and field.help_text)] == []
    assert form.main_fields


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_above_and_below_the_range_is_refused_in_words(name):
    kind = type(PRESETS[name].make(0))
    refused = 0
    for one in fields(kind):
        info = setting_range(one)
        if info.choices is not None or isinstance(one.default, bool | tuple):
            continue
        field = setting_fields(kind)[one.name]
        for wrong in (info.low - 1, info.high + 1):
            with pytest.raises(Exception, match=r"^\['Write a (whole )?number (from|above) "):
                field.clean(str(wrong))
            refused += 1
    assert refused > 10


def test_values_are_put_into_words():
    by_name = {one.name: one for one in fields(type(PRESETS["kong"].make(0)))}

    assert setting_value(by_name["channels"], 1) == "1 (grey)"
    assert setting_value(by_name["iterations"], 30_000) == "30,000"
    assert setting_value(by_name["seed"], 30_000) == "30000"
    assert setting_value(by_name["generator_channels"], [8, 6, 4]) == "8, 6, 4"
