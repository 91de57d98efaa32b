"""Somebody else's objects: every address that names one is asked for, and written to, with ids of another project.

The owner opens what an address names first, so that the refusals of the others mean something.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client

from config.accounts.models import User
from config.projects.services import create_project
from tests.factories import DatasetFactory, UserFactory
from tests.security.addresses import Address, every_address
from tests.security.victims import WORD, World, make_world
from tests.turing.builders import make_session
from turing.reading.selectors import current_of

pytestmark = pytest.mark.django_db

# Parts of an address that are no id; what stands for them where there is something
WORDS = {
    "turing:plan_file": {"kind": "csv"},
    "turing:study_image_png": {"position": 1, "side": 0},
    "turing:study_image_heat": {"position": 1, "side": 0},
    "turing:report_file": {"name": "report.pdf"},
    "imaging:card_file": {"kind": "md"},
    "classification:screening_act": {"action": "stop"},
}
ELSEWHERE_TESTED = {
    # whose objects live in the web session, or need a job that ran; their own tests ask for them as somebody else
    *("turing:answer_table_columns", "turing:answer_table_forget"),
    *("turing:plan_file", "turing:report_file", "imaging:duplicates_report", "imaging:duplicates_file"),
    *("generation:measure_file", "classification:experiment_file", "classification:classifier_file"),
    *("turing:preview_stimulus", "turing:preview_current", "turing:preview_phase", "turing:preview_done"),
    *("imaging:import_result", "imaging:dataset_flow_chart", "classification:experiment_archive"),
    *("turing:study_image_heat", "imaging:region_image", "imaging:region_pixels", "imaging:region_adjudicate_image"),
}
SILENT = {400, 401, 403, 404, 405}  # 400: what was sent is no answer at all, whosever the session
GONE = {("imaging:quarantine_item", "/datasets/")}  # said to be decided already, as any id that was never there


@pytest.fixture
def world(settings, tmp_path) -> World:
    return make_world()


@pytest.fixture
def attackers(world) -> dict[str, Client]:
    """Everybody who has no business there. The last one is a stranger's investigator with a project of their own."""
    stranger = UserFactory(username="stranger", role=User.Role.INVESTIGATOR, projects=[])
    own = create_project(name="Own project", by=stranger)
    annotator = UserFactory(username="annotator", role=User.Role.ANNOTATOR, projects=[own])
    users = {
        "anonymous": None,
        "reader of another study": make_session().reader,
        "annotator of another project": annotator,
        "investigator of another project": stranger,
    }
    clients = {}
    for kind, user in users.items():
        clients[kind] = Client(raise_request_exception=False)
        if user is not None:
            clients[kind].force_login(user)
    return clients


def of_projects() -> list[Address]:
    """Addresses that name an object of somebody's; accounts and the administration are others' matter."""
    return [
        one
        for one in every_address()
        if one.has_object
        and not one.route.startswith(("/admin/", "/accounts/", "/api/", "/invite/", "/join/", "/studies/matching/"))
    ]


# Which kind of record an id in an address names, by the beginning of its route; of any other, every record is tried
MODELS = {
    "/datasets/images/": "Image",
    "/datasets/import/uploads/": "Upload",
    "/datasets/import/": "Job",
    "/datasets/quarantine/": "QuarantinedImage",
    "/datasets/regions/new/": "Dataset",
    "/datasets/regions/pixels/": "RegionAssignment",
    "/datasets/regions/": "RegionTask",
    "/datasets/duplicates/": "DatasetReport",
    "/datasets/": "Dataset",
    "/experiments/classifiers/": "Classifier",
    "/experiments/explanations/": "Explanation",
    "/experiments/scores/study/": "Study",
    "/experiments/scores/dataset/": "Dataset",
    "/experiments/scores/": "Scoring",
    "/experiments/screenings/dataset/": "Dataset",
    "/experiments/screenings/": "Screening",
    "/experiments/": "Experiment",
    "/generators/checkpoints/": "Checkpoint",
    "/generators/elsewhere/": "ForeignGenerator",
    "/generators/measures/of/": "Dataset",
    "/generators/measures/": "DatasetReport",
    "/generators/samples/": "SampleRun",
    "/generators/": "TrainingRun",
    "/invitations/": "Invitation",
    "/jobs/<uuid:job_id>/artefacts/": "JobArtefact",
    "/jobs/": "Job",
    "/projects/": "Project",
    "/read/": "ReadingSession",
    "/reports/": "Report",
    "/studies/planning/": "Job",
    "/studies/": "Study",
    "/answers/": "AnswerTable",
}


def candidates(address: Address, world: World) -> Iterator[tuple[Model, str]]:
    """The address with each of the victim's ids in it that it may mean."""
    wanted = next((model for start, model in MODELS.items() if address.route.startswith(start)), "")
    ids = [name for name, kind in address.kinds if kind == "UUIDConverter"]
    for victim in world.all_objects():
        kind = type(victim).__name__
        if wanted and kind != wanted:
            continue
        values: dict[str, Any] = dict.fromkeys(ids, victim.pk) | WORDS.get(address.name, {})
        if kind == "JobArtefact":
            values = {"job_id": victim.job_id, "artefact_id": victim.pk}
        if address.name == "turing:read_stimulus":
            values["token"] = current_of(victim).token
        if "user_id" in dict(address.kinds):
            values["user_id"] = world.owner.pk
        yield victim, address.url(**values)


def body(answer: HttpResponse) -> str:
    data = b"".join(answer) if answer.streaming else answer.content
    return data.decode("utf-8", "replace")


def everything() -> dict[str, list]:
    """All rows of all tables, but for what the mere asking changes."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.label not in ("sessions.Session", "accounts.User")
    }


@pytest.fixture
def opened(world) -> dict[str, str]:
    """What its owner (or its reader) gets at each address: the first id that is found there."""
    clients = [Client(raise_request_exception=False), Client(raise_request_exception=False)]
    clients[0].force_login(world.owner)
    clients[1].force_login(world.reader)
    found: dict[str, str] = {}
    for address in of_projects():
        client = clients[address.route.startswith("/read/")]
        for _, url in candidates(address, world):
            if client.get(url).status_code not in (404, 401):
                found[address.name] = url
                break
    return found


def test_only_its_people_read_or_change_it(opened, attackers, world):
    _an_owner_finds_something_at_every_address(opened, world)
    told, taken = {}, {}
    before = everything()
    asked = {one.name: url for one in of_projects() for _, url in candidates(one, world)} | opened
    for kind, client in attackers.items():
        for name, url in asked.items():
            for answer in (client.get(url), client.post(url), client.post(url, "{}", content_type="application/json")):
                text = body(answer)
                to_sign_in = answer.status_code == 302 and "/accounts/login/" in answer["Location"]
                as_if_gone = answer.status_code == 302 and (name, answer["Location"]) in GONE
                if answer.status_code not in SILENT and not to_sign_in and not as_if_gone:
                    taken[kind, name] = answer.status_code
                if WORD in text or WORD.lower() in text.replace(url, "").lower():
                    told[kind, name] = text[:200]

    assert taken == {}
    assert told == {}
    assert everything() == before
    _an_address_with_somebody_elses_project_in_front_leads_nowhere(opened, attackers, world)


def _an_owner_finds_something_at_every_address(opened, world):
    lacking = {address.name for address in of_projects()} - set(opened) - ELSEWHERE_TESTED

    client = Client(raise_request_exception=False)
    client.force_login(world.owner)
    names = [WORD in body(client.get(url)) for name, url in opened.items() if not name.startswith("turing:read")]
    assert lacking == set()
    assert sum(names) > 25  # pages that name what the attackers must not learn


def _an_address_with_somebody_elses_project_in_front_leads_nowhere(opened, attackers, world):
    """/p/<slug>/ is what says where one is: naming it is not being there."""
    found = {}
    for kind, client in attackers.items():
        for name in ("imaging:dataset_detail", "turing:study_detail", "worker:job_detail", "imaging:image_original"):
            answer = client.get(f"/p/{world.project.slug}{opened[name]}")
            to_sign_in = answer.status_code == 302 and "/accounts/login/" in answer["Location"]
            if answer.status_code not in SILENT and not to_sign_in:
                found[kind, name] = answer.status_code

    assert found == {}


def test_no_list_and_no_form_offers_what_lies_elsewhere(attackers, world):
    """Every page without an id, and every choice in its forms, for who works in another project."""
    client = attackers["investigator of another project"]
    with_own = DatasetFactory(name="Own films", project=User.objects.get(username="stranger").projects_made.get())
    pks = {str(victim.pk) for victim in world.all_objects() if "-" in str(victim.pk)}
    values = {}
    for victim in world.all_objects():
        values.setdefault(type(victim).__name__.lower(), []).append(str(victim.pk))
    hostile = {
        **{name: values.get("dataset", [""])[0] for name in ("dataset", "others", "like", "training", "held_out")},
        "run": values["trainingrun"],
        "classifier": values["classifier"][0],
        "base": values["study"][0],
        "from": values["job"][0],
        "image": values["image"][0],
        "experiment": values["experiment"][0],
    }
    offered, named, asked = {}, [], 0

    for address in every_address():
        if address.has_object or address.route.startswith(("/admin/", "/accounts/")):
            continue
        for parameters in ({}, hostile):
            answer = client.get(address.route, parameters)
            asked += answer.status_code == 200
            text = body(answer)
            if WORD in text:
                named.append(address.name)
            for choice in _choices(answer):
                if choice in pks:
                    offered[address.name] = choice

    assert (named, offered) == ([], {})
    assert asked > 10
    assert "Own films" in body(client.get("/datasets/"))
    assert with_own.project_id != world.project.pk


def _choices(answer: HttpResponse) -> Iterator[str]:
    for context in answer.context or []:
        for value in context.flatten().values():
            for form in value if isinstance(value, list | tuple) else [value]:
                if isinstance(form, forms.BaseForm):
                    for one in form.fields.values():
                        if isinstance(one, forms.ModelChoiceField):
                            yield from (str(pk) for pk in one.queryset.values_list("pk", flat=True))
                        elif isinstance(one, forms.ChoiceField):
                            yield from (str(choice) for choice, _ in one.choices if isinstance(choice, str))


def test_ids_in_a_form_are_no_way_in(attackers, world):
    """Foreign keys of another project's records, posted to every page that makes something, under every name."""
    client = attackers["investigator of another project"]
    own = User.objects.get(username="stranger").projects_made.get()
    mine = DatasetFactory(name="Own films", project=own)
    pks = [str(victim.pk) for victim in world.all_objects() if "-" in str(victim.pk)]
    hostile = _hostile_fields(world) | {"name": "Own try", "dataset_name": "Own try"}
    before = {label: rows for label, rows in everything().items() if label != "turing.AuditEvent"}

    answers = []
    for address in every_address():
        if address.route.startswith(("/admin/", "/accounts/", "/read/", "/invite/", "/join/")):
            continue
        answers.append(client.post(address.url(pk=mine.pk, dataset_id=mine.pk), hostile))

    after = everything()
    new = [row for label, rows in before.items() for row in after[label] if row not in rows]
    victims = set(pks)
    assert [row for row in new if victims & {str(value) for value in row.values()}] == []
    assert all(answer.status_code < 500 for answer in answers)
    assert len(hostile) > 25


def _hostile_fields(world: World) -> dict[str, str]:
    """Every name under which a form or a view of ours takes an id, with one of the victim's of the right kind."""
    ids = {type(victim).__name__: str(victim.pk) for victim in world.all_objects()}
    found = {}
    for model in apps.get_models():
        for one in model._meta.get_fields():
            if one.is_relation and one.concrete and one.related_model.__name__ in ids:
                found |= dict.fromkeys((one.name, f"{one.name}_id"), ids[one.related_model.__name__])
    datasets = ("others", "other", "training", "held_out", "external", "real", "real_0", "synthetic_0", "like")
    return found | dict.fromkeys(datasets, ids["Dataset"]) | {"upload": ids["Upload"], "chooser": ids["Classifier"]}
