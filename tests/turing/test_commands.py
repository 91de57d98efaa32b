"""The same verbs from the command line."""

import csv
import json

import pytest
from django.core.management import CommandError, call_command

from tests.turing.builders import make_dataset, make_draft, make_open_study, make_session, read_all
from turing.models import Study
from turing.services import close_study

pytestmark = pytest.mark.django_db


def test_create_open_close_export(tmp_path, capsys):
    make_dataset(name="Ward A", n=5, labels=["a", "b"])
    make_dataset(name="Made up", origin="synthetic")
    instructions = tmp_path / "instructions.md"
    instructions.write_text("Read *calmly*.", encoding="utf-8")

    call_command(
        *("create_study", "Night study", "--real", "Ward A", "--synthetic", "Made up", "--n-real", "2"),
        *("--n-synthetic", "3", "--seed", "8", "--instructions", str(instructions)),
        *("--real-filters", '{"labels": ["a"]}', "--positive-class", "synthetic"),
    )
    study = Study.objects.get()
    assert capsys.readouterr().out.strip() == str(study.pk)
    assert (study.seed, study.n_synthetic, study.positive_class) == (8, 3, "synthetic")
    assert (study.instructions, study.real_filters) == ("Read *calmly*.", {"labels": ["a"]})

    call_command("open_study", "Night study")
    read_all(make_session(study=study), ["real"] * 5)
    call_command("close_study", str(study.pk))
    study.refresh_from_db()
    assert study.status == "closed"
    assert capsys.readouterr().out.count(f"Protocol {study.protocol_sha256}.") == 2

    out = tmp_path / "answers.csv"
    call_command("export_answers", "Night study", "--out", str(out))
    with out.open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 5
    assert f"5 answers written to {out}" in capsys.readouterr().out
    assert set(tmp_path.iterdir()) == {instructions, out}


def test_a_protocol_file_holds_everything_else(tmp_path):
    make_dataset(name="Ward A", n=9)
    make_dataset(name="Made up", origin="synthetic", n=9)
    make_dataset(name="Made up later", origin="synthetic", n=2, seed=1)
    protocol = {
        "real_dataset": "Ward A",
        "synthetic_dataset": "Made up",
        "n_real": 2,
        "n_synthetic": 5,
        "seed": 8,
        "scale": "confidence",
        "n_practice": 2,
        "order": "blocks",
        "block_size": 2,
        "group_by": "years",
        "groups": [{"name": "A", "from_years": 0}, {"name": "B", "from_years": 5}],
        "later_phases": [{"synthetic_dataset": "Made up later", "n_real": 1, "n_synthetic": 1}],
    }
    file = tmp_path / "protocol.json"
    file.write_text(json.dumps(protocol), encoding="utf-8")

    call_command("create_study", "Night study", "--protocol", str(file), "--n-synthetic", "3")

    study = Study.objects.get()
    assert (study.scale, study.n_practice, study.order, study.block_size) == ("confidence", 2, "blocks", 2)
    assert (study.n_real, study.n_synthetic, study.seed) == (2, 3, 8)  # the command line wins
    phase = study.later_phases.get()
    assert (phase.real_dataset.name, phase.synthetic_dataset.name) == ("Ward A", "Made up later")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object"),
        ('{"colour": 1}', "colour cannot be set. Possible: asks_comment, "),
        ('{"later_phases": [1]}', "later_phases must be a list of objects with title, "),
        ("{}", "--real is needed, or real_dataset in the protocol file."),
        ('{"real_dataset": "Ward Z"}', "--synthetic is needed"),
        (None, "cannot be read: "),
    ],
)
def test_a_mistake_in_a_protocol_file_is_named(tmp_path, text, message):
    file = tmp_path / "protocol.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")

    with pytest.raises(CommandError) as error:
        call_command("create_study", "Night study", "--protocol", str(file))

    assert message in str(error.value)
    assert str(file) in str(error.value) or "is needed" in str(error.value)


def test_a_second_session_needs_the_first_alone():
    first = make_open_study(name="First")

    call_command("create_study", "Again", "--follows", "First", "--washout-days", "7")

    second = Study.objects.get(name="Again")
    assert (second.follows, second.washout_days, second.n_real) == (first, 7, first.n_real)
    with pytest.raises(CommandError, match="A second session has the protocol of the first: n_real, seed cannot be"):
        call_command("create_study", "Other", "--follows", "First", "--n-real", "1", "--seed", "2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--real": "Ward Z"}, "There is no dataset “Ward Z”."),
        ({"--n-real": "99"}, "Not enough real images: the study asks for 99"),
        ({"--real-filters": "labels"}, "--real-filters is not JSON"),
        ({"--real-filters": "[]"}, "--real-filters must be a JSON object such as {}, not []"),
    ],
)
def test_mistakes_are_named(changes, message):
    make_dataset(name="Ward A")
    make_dataset(name="Made up", origin="synthetic")
    options = {"--real": "Ward A", "--synthetic": "Made up", "--n-real": "2", "--n-synthetic": "2", **changes}

    with pytest.raises(CommandError) as error:
        call_command("create_study", "Night study", *(word for pair in options.items() for word in pair))

    assert message in str(error.value)
    assert Study.objects.count() == 0


def test_an_unknown_study_is_answered_with_those_there_are():
    make_draft(name="Day study")

    for command in (["open_study"], ["close_study"], ["export_answers", "--out", "x.csv"]):
        with pytest.raises(CommandError, match=r"There is no study “Night”. The newest are: “Day study”."):
            call_command(*command, "Night")


def test_no_export_of_an_open_study(tmp_path):
    make_open_study(name="Day study")

    with pytest.raises(CommandError, match="is not closed"):
        call_command("export_answers", "Day study", "--out", str(tmp_path / "x.csv"))

    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    close_study(study=make_open_study(name="Day study"), by=None)
    out = tmp_path / "no such folder" / "x.csv"

    with pytest.raises(CommandError, match=r"cannot be written: No such file or directory. Choose another place."):
        call_command("export_answers", "Day study", "--out", str(out))
