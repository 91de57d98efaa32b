"""Opening freezes a study and makes what readers will see. It cannot be undone.

Drawing, rendering and judging take long and happen outside of any transaction: on SQLite nobody else can write while
one lasts. What was prepared enters the database in one short transaction, which draws again and compares.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from config.accounts.models import User
from turing import stimuli
from turing.audit.services import record_event
from turing.blinding.features import measure_pixels
from turing.errors import LeaksFound, StudyError
from turing.models import LeakReport, Origin, Study, Trial
from turing.services.freezing import changed_meanwhile, freeze_study, insert_trials, open_for_a_moment
from turing.services.leaks import Received, fetch_as_reader, leak_report, load_site
from turing.services.planning import Plan, plan_study
from turing.services.rendering import Progress, RenderedImage, files_removed_on_failure, remove_files, render_plan
from turing.services.second_sessions import enrol_readers_again
from turing.services.studies import lock_study

MAX_REASON = 1000  # characters
FETCHED_AT_ONCE = 5  # trials; each such batch is a transaction, between two of which others can write


@dataclass(frozen=True)
class PreparedOpening:
    """A draft with its files and its leak report, ready to be frozen."""

    study: Study
    plan: Plan
    rendered: dict[int, tuple[RenderedImage, ...]]
    report: dict[str, Any]


def open_study(*, study: Study, by: User | None, override_reason: str = "", progress: Progress | None = None) -> Study:
    """Draw the images, render each one, audit what readers would receive for leaks, freeze protocol and datasets, and
    let readers in. All of it or nothing.

    `override_reason`: opens a study that the leak audit blocks; kept, recorded, and printed with the results.
    `progress`: called with steps done and steps in all.

    Raises LeaksFound, with the report, when the audit blocks and no reason is given: nothing is changed then, and the
    attempt is recorded. Raises StudyError when the study is not a draft, when there are not enough images, when an
    image would be shown twice (same pixels, also after rendering), or when it was changed meanwhile.
    """
    with prepared_opening(study=study, override_reason=override_reason, progress=progress) as prepared:
        finish_opening(prepared=prepared, by=by, override_reason=override_reason)
    study.refresh_from_db()
    return study


@contextmanager
def prepared_opening(
    *, study: Study, override_reason: str = "", progress: Progress | None = None, saved: list[str] | None = None
) -> Iterator[PreparedOpening]:
    """The long part of `open_study`, which changes nothing. `finish_opening` is called in the block; when the block
    fails, the files that were made are removed; their names are put into `saved` as they are made. Raises StudyError as
    `open_study`.
    """
    reason = override_reason.strip()
    if len(reason) > MAX_REASON:
        raise StudyError(f"The reason has {len(reason)} characters: at most {MAX_REASON} are possible.")
    fresh = _draft(Study.objects.select_related("real_dataset", "synthetic_dataset", "follows").get(pk=study.pk))
    with files_removed_on_failure(saved) as names:
        yield _prepare(fresh, names, progress)


def finish_opening(*, prepared: PreparedOpening, by: User | None, override_reason: str = "") -> Study:
    """The short part of `open_study`. Raises LeaksFound and StudyError as that does."""
    report, reason = prepared.report, override_reason.strip()
    if report["blocked"] and not reason:
        raise _refused(prepared.study, report, by)
    with transaction.atomic():
        study = _draft(lock_study(prepared.study.pk))
        if study.leak_limit != report["limit"]:
            raise changed_meanwhile(study)
        written = freeze_study(study, prepared.plan, prepared.rendered, by=by)
        found = LeakReport.objects.create(
            study=study, report=report, blocked=report["blocked"], override_reason=reason if report["blocked"] else ""
        )
        # the frozen study with everything its two hashes are of: a later change can be named, not only seen
        record_event(action="study.opened", about=study, by=by, written=[*written, found])
        if found.blocked:
            details = {"reason": found.override_reason, "leaks": report["reasons"]}
            record_event(action="study.leaks_overridden", about=study, by=by, details=details)
        enrol_readers_again(study)
    return study


def audit_blinding(*, study: Study) -> dict[str, Any]:
    """The report of the leak audit as it would be now: for a draft that of opening it, without opening it. Changes
    nothing. Raises StudyError for a closed study, and as `open_study`.
    """
    study = Study.objects.select_related("real_dataset", "synthetic_dataset", "follows").get(pk=study.pk)
    if study.status == Study.Status.CLOSED:
        raise StudyError(f"“{study}” is closed: nothing is sent to readers any more. Its page shows the audit it had.")
    if study.status == Study.Status.OPEN:
        return _audit_open(study)
    saved: list[str] = []
    try:
        return _prepare(study, saved, None).report
    finally:
        remove_files(saved)


def _prepare(study: Study, saved: list[str], progress: Progress | None) -> PreparedOpening:
    plan = plan_study(study)
    steps = _Steps(2 * len(plan.trials), progress)
    rendered = render_plan(plan, saved=saved, progress=steps.done)
    site = load_site()
    transports: list[dict[str, str]] = []
    for start in range(0, len(plan.trials), FETCHED_AT_ONCE):
        batch = plan.trials[start : start + FETCHED_AT_ONCE]
        with transaction.atomic():
            locked = _draft(lock_study(study.pk))
            if (locked.image_size, locked.bit_depth) != (plan.image_size, plan.bit_depth):
                raise changed_meanwhile(study)
            # repeats apart from their originals: what they repeat is of no concern here
            alone = [replace(trial, drawn=replace(trial.drawn, repeat_of=None)) for trial in batch]
            trials = [truth.trial for truth in insert_trials(locked, alone, rendered)]
            open_for_a_moment(locked)
            transports += fetch_as_reader(site, locked, trials)
            transaction.set_rollback(True)
        steps.done(len(batch))
    received = [
        Received(
            transport=transport,
            pictures=[image.measured for image in rendered[trial.drawn.position] if image.measured is not None],
            synthetic=[is_synthetic for _, is_synthetic in trial.sources] if trial.counts else [],
        )
        for trial, transport in zip(plan.trials, transports, strict=True)
    ]
    return PreparedOpening(study=study, plan=plan, rendered=rendered, report=leak_report(study, received))


def _audit_open(study: Study) -> dict[str, Any]:
    site = load_site()
    received = []
    trials = list(study.trials.select_related("truth").order_by("position"))
    for start in range(0, len(trials), FETCHED_AT_ONCE):
        batch = trials[start : start + FETCHED_AT_ONCE]
        with transaction.atomic():
            transports = fetch_as_reader(site, lock_study(study.pk), batch)
            transaction.set_rollback(True)
        received += [_received_again(study, *one) for one in zip(batch, transports, strict=True)]
    return leak_report(study, received)


def _received_again(study: Study, trial: Trial, transport: dict[str, str]) -> Received:
    if trial.is_practice or trial.truth.repeat_of_id is not None:
        return Received(transport=transport, pictures=[], synthetic=[])
    size, depth = study.image_size, study.bit_depth
    left_is_synthetic = trial.truth.origin == Origin.SYNTHETIC
    files = stimuli.files_of(trial)
    return Received(
        transport=transport,
        pictures=[
            measure_pixels(stimuli.decode_stimulus(pixels, image_size=size, bit_depth=depth), side=side)
            for side, (name, _) in enumerate(files)
            for pixels in [stimuli.load_stimulus(name, image_size=size, bit_depth=depth)]
        ],
        synthetic=[left_is_synthetic, not left_is_synthetic][: len(files)],
    )


def _refused(study: Study, report: dict[str, Any], by: User | None) -> LeaksFound:
    """The refusal, recorded."""
    with transaction.atomic():
        details = {"limit": report["limit"], "reasons": report["reasons"]}
        record_event(action="study.opening_blocked", about=study, by=by, details=details)
    return LeaksFound(
        f"“{study}” was not opened: its images can be told apart without looking at them. "
        + " ".join(report["reasons"])
        + " Mend this and open it again, or give a written reason for opening it all the same.",
        report,
    )


def _draft(study: Study) -> Study:
    if study.status != Study.Status.DRAFT:
        raise StudyError(f"“{study}” cannot be opened: it is {study.get_status_display().lower()} already.")
    return study


class _Steps:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._done, self._progress = total, 0, progress

    def done(self, number: int = 1) -> None:
        self._done += number
        if self._progress is not None:
            self._progress(self._done, self._total)
