"""The same verbs from the command line."""

import csv

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
