"""The kinds of job. An app registers its handlers in its `jobs` module, which is imported at start.

A handler runs in its own process, is given a JobContext and its validated parameters, and returns a result
(a JSON-able dict) that is stored with the job. It may be run again after a crash: it must continue from what it left
in `context.directory`, and write to the database only inside `context.fenced()`.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol


class JobStopped(Exception):  # noqa: N818  not an error
    """Raised inside a handler to leave early: cancelled, shut down, or the lease was lost. State is saved first."""


class JobError(Exception):
    """A failure that the user can understand; its text says what was wrong, where, and what to do. Never retried."""


class JobContext(Protocol):
    """What a handler can ask of the worker."""

    job_id: str
    attempt: int  # from 1
    directory: Path  # private, kept between attempts

    def progress(
        self, done: int, total: int, unit: str = "", message: str = "", seconds_left: float | None = None
    ) -> None:
        """Cheap: may be called at every step. `seconds_left` where the job knows better than the rate so far."""

    def log(self, message: str, level: str = "info") -> None:
        """One line of the live log. Levels: info, warning, error."""

    def metric(self, step: int, **values: float) -> None:
        """Values at a step, drawn as curves in the page. A non-finite value is stored as null."""

    def artefact(self, path: Path, *, kind: str, step: int | None = None) -> None:
        """Show a file (inside `directory`) in the page; kind "grid" is an image of samples."""

    def device(self, name: str) -> None:
        """What it computes on, for the record: "cpu", "cuda:0 NVIDIA H100"."""

    def should_stop(self) -> bool:
        """True when the handler should save and leave."""

    def raise_if_stopped(self) -> None:
        """Raises JobStopped when `should_stop()`."""

    def fenced(self) -> AbstractContextManager[None]:
        """A transaction that holds the job's row and its lease: results are written in here, or not at all.

        Keep it short (seconds): it holds up the heartbeat, and on SQLite everybody who writes.
        Raises JobStopped when another process has taken the job over.
        """


class JobParameters(Protocol):
    """A frozen dataclass of JSON-able fields that checks itself in `__post_init__` (ValueError)."""

    __dataclass_fields__: dict[str, Any]


Handler = Callable[[JobContext, Any], dict[str, Any]]


@dataclass(frozen=True)
class JobDescription:
    """For the page of a job, in place of its stored parameters and result: what was asked for in words, and where the
    outcome is shown.
    """

    facts: Sequence[tuple[str, str]]
    page_title: str
    page_address: str


GpuNeed = Callable[[Any], int]  # of the parameters; asked when the job goes to a queue of GPU workers
Estimate = Callable[[Any], int]  # of its parameters: bytes
Describer = Callable[[str, Any], JobDescription]  # of the job's id and its parameters


@dataclass(frozen=True, kw_only=True)
class JobKind:
    name: str
    parameters: type
    queue: str
    gpus: "GpuNeed"
    handler: Handler
    resumable: bool  # continues from a checkpoint after a cancel
    describe: Describer | None = None
    needs_bytes: Estimate | None = None  # of disk, beside the limit; None: not known
    frees_disk: bool = False  # runs however full the disk is


_KINDS: dict[str, JobKind] = {}


def register_job(
    name: str,
    *,
    parameters: type,
    queue: str = "light",
    gpus: GpuNeed = lambda parameters: 1,
    resumable: bool = False,
    describe: Describer | None = None,
    needs_bytes: Estimate | None = None,
    frees_disk: bool = False,
) -> Callable[[Handler], Handler]:
    """Decorator: make `handler` the code of jobs of this kind. ValueError when the name is taken."""

    def register(handler: Handler) -> Handler:
        if name in _KINDS:
            raise ValueError(f"Job kind {name!r} is registered twice")
        _KINDS[name] = JobKind(
            name=name,
            parameters=parameters,
            queue=queue,
            gpus=gpus,
            handler=handler,
            resumable=resumable,
            describe=describe,
            needs_bytes=needs_bytes,
            frees_disk=frees_disk,
        )
        return handler

    return register


def kinds_that_free_disk() -> list[str]:
    """Names of the kinds that run however full the disk is."""
    return sorted(kind.name for kind in _KINDS.values() if kind.frees_disk)


def get_job_kind(name: str) -> JobKind:
    """Raises ValueError, listing what there is, for an unknown name."""
    try:
        return _KINDS[name]
    except KeyError:
        raise ValueError(f"Unknown job kind {name!r}; known: {', '.join(sorted(_KINDS))}") from None


def job_kind_names() -> list[str]:
    """Every kind that is registered, in alphabetical order."""
    return sorted(_KINDS)


def parameters_from_dict(kind: JobKind, values: dict[str, Any]) -> Any:
    """The kind's parameters from stored JSON. Raises ValueError for an unknown or missing name."""
    known = {field.name for field in fields(kind.parameters)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"Unknown parameter {', '.join(unknown)} for {kind.name}; known: {', '.join(sorted(known))}")
    try:
        return kind.parameters(**values)
    except TypeError as error:
        raise ValueError(f"Parameters of {kind.name}: {error}") from error


def parameters_to_dict(parameters: Any) -> dict[str, Any]:
    return asdict(parameters)
