"""Datasets with real pixels, and studies in each state, made by the services that the site uses."""

import uuid
from collections.abc import Iterable

import numpy as np

from config.accounts.models import User
from imaging.models import Dataset
from imaging.services import add_image, create_dataset
from tests.factories import UserFactory
from turing.models import ReadingSession, Study
from turing.reading.selectors import current_presentation
from turing.reading.services import record_answer, serve_stimulus, start_reading
from turing.services import create_study, enrol_reader, open_study


def make_dataset(
    *,
    origin: str = "real",
    n: int = 3,
    size: int = 16,
    labels: Iterable[str] = ("normal",),
    name: str = "",
    seed: int = 0,
) -> Dataset:
    """`n` images of noise, all different, with the labels taken in turn."""
    dataset = create_dataset(name=name or f"{origin} {uuid.uuid4()}", origin=origin, created_by=None)
    generator = np.random.default_rng([seed, origin == "real"])
    labels = list(labels)
    for index in range(n):
        pixels = generator.integers(0, 256, (size, size), dtype=np.uint8)
        add_image(dataset=dataset, pixels=pixels, label=labels[index % len(labels)])
    return dataset


def make_draft(*, n_real: int = 2, n_synthetic: int = 2, size: int = 16, seed: int | None = 7, **changes) -> Study:
    """With datasets of one image more than the study needs of each kind, unless they are given."""
    phases = changes.get("later_phases", ())
    more = changes.get("n_practice", 0) + 1
    all_real = n_real + sum(phase["n_real"] for phase in phases) + more
    all_synthetic = n_synthetic + sum(phase["n_synthetic"] for phase in phases) + more
    values = {
        "name": f"Study {uuid.uuid4()}",
        "real_dataset": changes.pop("real_dataset", None) or make_dataset(n=all_real, size=size),
        "synthetic_dataset": changes.pop("synthetic_dataset", None)
        or make_dataset(origin="synthetic", n=all_synthetic, size=size),
        "n_real": n_real,
        "n_synthetic": n_synthetic,
        "seed": seed,
        "created_by": None,
        **changes,
    }
    return create_study(**values)


def make_open_study(**changes) -> Study:
    return open_study(study=make_draft(**changes), by=None)


def make_session(
    *, study: Study | None = None, reader: User | None = None, started: bool = True, **declared
) -> ReadingSession:
    """`declared`: as in `start_reading`; consent is given."""
    session = enrol_reader(study=study or make_open_study(), user=reader or UserFactory())
    return start_reading(session=session, **{"consents": True, **declared}) if started else session


def answer_next(session: ReadingSession, value: str = "real", **changes):
    """Fetch the current image and answer it, as the page does. Keyword arguments as in `record_answer`."""
    presentation = current_presentation(session)
    newest = session.attendances.last()
    attendance = newest.token if newest else ""
    serve_stimulus(session=session, token=presentation.token, attendance=attendance)
    values = {"idempotency_key": uuid.uuid4(), "reading_ms": 1500, "hidden_ms": 0, "attendance": attendance, **changes}
    return record_answer(session=session, token=presentation.token, value=value, **values)


def read_all(session: ReadingSession, values: Iterable[str], **changes) -> None:
    for value in values:
        answer_next(session, value, **changes)


def truths(study: Study) -> list[str]:
    """What the images are, in the order of the study."""
    return [trial.truth.origin for trial in study.trials.select_related("truth")]
