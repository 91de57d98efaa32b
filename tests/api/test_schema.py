"""The schema that is committed is the one that the code makes, and the site does what it says."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from api.scopes import READER, scopes_for
from api.throttling import PerAddress, PerUser
from api.tokens import create_token
from config.environment import BASE_DIR
from tests.api.filled import Filled, fill_site

COMMITTED = BASE_DIR / "docs" / "openapi.yaml"
EXAMPLES = {"administrator": 3, "investigator": 2, "reader": 2, "bare": 1}
CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.positive_data_acceptance,
]


def make_schema() -> dict[str, Any]:
    return SchemaGenerator(api_version=None).get_schema(request=None, public=True)


def test_the_committed_schema_is_that_of_the_code():
    """After a change: `python manage.py spectacular --file docs/openapi.yaml`."""
    made = OpenApiYamlRenderer().render(make_schema(), renderer_context={}).decode()
    assert made == COMMITTED.read_text(encoding="utf-8")


def test_the_schema_is_valid_and_made_without_a_warning():
    with GENERATOR_STATS.silence():
        made = make_schema()
        assert not GENERATOR_STATS
    validate_schema(made)


def test_every_operation_has_words_a_scope_and_its_refusals():
    for path, methods in make_schema()["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), (method, path)
            assert "Scope: `" in operation["description"], (method, path)
            assert {"400", "401", "403", "404", "429"} <= set(operation["responses"]), (method, path)


@pytest.fixture
def filled(db, monkeypatch) -> Iterator[Filled]:
    for throttle in (PerUser, PerAddress):
        monkeypatch.setattr(throttle, "get_rate", lambda self: None)
    for signal in (request_started, request_finished):  # as Django's own test client does
        signal.disconnect(close_old_connections)
    yield fill_site()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("who", EXAMPLES)
@pytest.mark.django_db
def test_the_site_does_what_the_schema_says(filled, who):
    """Data that the schema allows, and data that it does not, for every operation; ids mostly of rows that are there.
    Nothing is a fault of ours, every answer is described, and what is not allowed is refused.
    """
    user = filled.investigator if who == "bare" else getattr(filled, who)
    scopes = {"reader": [READER], "bare": [READER]}.get(who) or None
    _, secret = create_token(user=user, name="walk", scopes=scopes or _all_scopes(user), days=1)
    headers = {"Authorization": f"Bearer {secret}"}
    config = SchemathesisConfig.from_dict(
        {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 401, 403, 404, 409, 413, 422]}}}
    )
    document = make_schema()
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["security"] = []  # who asks is settled here, not made up
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.app = get_wsgi_application()
    chance = random.Random(7)
    problems: list[str] = []
    asked = 0
    for one in schema.get_all_operations():
        operation = one.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @hypothesis_settings(
                max_examples=EXAMPLES[who],
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def walk(case):
                nonlocal asked
                asked += 1
                point_at_rows(case, filled, chance)
                with transaction.atomic():
                    try:
                        case.call_and_validate(headers=headers, checks=CHECKS)
                    except FailureGroup as error:
                        found = "; ".join(" ".join(str(one).split())[:600] for one in error.exceptions)
                        problems.append(f"{case.method} {case.formatted_path} {case.body!r:.300}: {found}")
                    transaction.set_rollback(True)

            try:
                walk()
            except Unsatisfiable:
                assert mode == GenerationMode.NEGATIVE  # nothing that contradicts the schema can be made

    cache.clear()
    assert asked > 60
    assert not problems, "\n\n".join(problems[:60])


def _all_scopes(user) -> list[str]:
    return list(scopes_for(user))


def point_at_rows(case, filled: Filled, chance: random.Random) -> None:
    """Ids that were made up, replaced half of the time; never those that are meant to be wrong."""
    components = case.meta.components
    path = components.get(ParameterLocation.PATH)
    if "id" in (case.path_parameters or {}) and path is not None and path.mode == GenerationMode.POSITIVE:
        kind = case.operation.path.removeprefix("/api/v1/").split("/")[0]
        if chance.random() < 0.8:
            case.path_parameters["id"] = chance.choice(filled.keys[kind])
    body = components.get(ParameterLocation.BODY)
    if isinstance(case.body, dict) and body is not None and body.mode == GenerationMode.POSITIVE:
        for name, value in case.body.items():
            known = filled.keys.get(name) or filled.names.get(name)
            if known and chance.random() < 0.8:
                case.body[name] = [chance.choice(known)] if isinstance(value, list) else chance.choice(known)
