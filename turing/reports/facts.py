"""What a report says of a study beyond its answers, from its frozen protocol and its record."""

from collections.abc import Iterator

from turing.describing import describe_phases, describe_protocol
from turing.errors import StudyError
from turing.models import LeakReport, Scale, Study
from turing.report.facts import StudyFacts
from turing.reports.declared import plan_in_sentences
from turing.reports.image_measures import measure_sentences
from turing.reports.settings import ReportSettings
from turing.results.selectors import closing_event, record_problems
from turing.scales import RANGES


def study_facts(study: Study, settings: ReportSettings) -> StudyFacts:
    """Raises StudyError unless the study is closed."""
    if study.status != Study.Status.CLOSED or study.opened_at is None or study.closed_at is None:
        raise StudyError(f"“{study}” is not closed: its report can be made once it is.")
    words = dict(describe_protocol(study))
    leak = LeakReport.objects.filter(study=study).first()
    simulated = study.sessions.filter(is_simulated=True).exists()
    return StudyFacts(
        title=study.name,
        question=study.question,
        scale=f"Answers: {words['Answers']}",
        order=f"Order: {words['Order']}",
        time_limit=_limits(words),
        readers_told=_told(study),
        image_source=_images(study, settings),
        rendering=f"{study.image_size} × {study.image_size} pixels, {study.bit_depth} bits of grey",
        protocol_sha256=study.protocol_sha256,
        manifest_sha256=study.manifest_sha256,
        drawing_seed=str(study.seed),
        opened_on=study.opened_at.date().isoformat(),
        closed_on=study.closed_at.date().isoformat(),
        leak_audit=_leaks(leak),
        analysis_plan=plan_in_sentences(study, settings.analysis),
        exclusions=tuple(_exclusions(study, settings)),
        is_blinded=True,
        is_time_measured=True,
        has_simulated_readers=simulated and settings.include_simulated,
        further=dict(_further(study, leak)),
    )


def _limits(words: dict[str, str]) -> str:
    found = [f"{name}: {words[name]}" for name in ("Exposure", "Time limit", "Breaks") if name in words]
    return "; ".join(found) if "Time limit" in words else "; ".join([*found, "There was no time limit"])


def _told(study: Study) -> str:
    if study.shows_total:
        return "Readers knew the number of images, and nothing of the share of synthetic ones from this program"
    return "Readers knew neither the number of images nor, from this program, the share of synthetic ones"


def _images(study: Study, settings: ReportSettings) -> str:
    parts = []
    for phase in describe_phases(study):
        if settings.phase in (0, phase.number):
            sides = " and ".join(
                f"{side.number} {side.origin} images at random from “{side.dataset}” ({side.filters})"
                for side in phase.sides
            )
            parts.append(f"phase {phase.number}: {sides}" if study.later_phases.exists() else sides)
    return f"Images: {'; '.join(parts)}"


def _leaks(leak: LeakReport | None) -> str:
    if leak is None:
        return ""
    feature = leak.report["features"][0]
    verdict = "failed, and was overridden in writing" if leak.blocked else "passed"
    return (
        f"Before the study opened, an audit looked for anything but the picture that tells real from synthetic images; "
        f"it {verdict}: the highest AUC was {feature['auc']:.2f} ({feature['statistic']}), with a limit of "
        f"{leak.report['limit']:.2f}"
    )


def _exclusions(study: Study, settings: ReportSettings) -> Iterator[str]:
    if study.n_practice:
        yield f"Answers about the {study.n_practice} practice images of each reader are no part of the analysis"
    if settings.phase:
        yield f"This report is of phase {settings.phase} alone; the study has {study.later_phases.count() + 1}"


def _further(study: Study, leak: LeakReport | None) -> Iterator[tuple[str, str]]:
    if leak is not None and leak.blocked:
        yield "Why the study was opened in spite of the leak audit", leak.override_reason
    if study.scale in RANGES:
        low, high = RANGES[Scale(study.scale)]
        yield "Graded answers", f"{low} to {high}, higher is more surely synthetic"
    yield from measure_sentences(study)
    if event := closing_event(study):
        yield "Audit chain at the closing", event
    for number, problem in enumerate(record_problems(study), start=1):
        yield f"Warning {number}", f"{problem} Do not use these results"
