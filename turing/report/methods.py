"""The methods of a report in sentences that a paper can take over, written from the analysis."""

from turing.analysis.chance import NO_MARGIN
from turing.analysis.parts import Analysis
from turing.report.facts import StudyFacts
from turing.report.formatting import SPACE, level, listed, plural
from turing.report.tables.notes import class_called, in_words, sentence


def methods_paragraphs(analysis: Analysis, facts: StudyFacts) -> tuple[str, ...]:
    """Design, measures, models, provenance: a paragraph each."""
    found = (
        _design(analysis, facts),
        _measures(analysis),
        _models(analysis),
        _times(analysis),
        facts.analysis_plan,
        _making(analysis, facts),
    )
    return tuple(text for text in found if text)


def exclusions(analysis: Analysis, facts: StudyFacts) -> tuple[str, ...]:
    """What is not part of the numbers, and why."""
    size = analysis.size
    found = [sentence(text) for text in facts.exclusions]
    if size.n_repeats:
        text = plural(size.n_repeats, "later answer")
        found.append(f"{text} of readers to images that they had answered before: for agreement with themselves only.")
    if size.n_missing:
        text = plural(size.n_missing, "answer")
        found.append(f"{text} not given when the time was over: no part of accuracy, models and times.")
    if size.n_timed < size.n_answers:
        text = plural(size.n_answers - size.n_timed, "answer")
        found.append(f"{text} without a reading time: no part of the analysis of times.")
    if size.n_flagged:
        found.append(f"{plural(size.n_flagged, 'reading time')} doubted by the measurement: flagged, and kept.")
    found += [sentence(note) for note in analysis.answers.notes]
    return tuple(dict.fromkeys(found)) or ("Nothing was left out.",)


def _design(analysis: Analysis, facts: StudyFacts) -> str:
    size, answers = analysis.size, analysis.answers
    what = f"images ({size.n_real:,} real, {size.n_synthetic:,} synthetic)"
    if answers.is_pairs:
        what = "pairs of images"
    parts = [
        f"{plural(size.n_readers, 'reader')} gave {plural(size.n_answers, 'answer')} about {size.n_images:,} {what}."
    ]
    if answers.groups:
        counts = [f"{name} ({plural(len(answers.readers_of(name)), 'reader')})" for name in answers.groups]
        parts.append(f"Groups by {answers.group_name}: {listed(counts)}; “{answers.groups[0]}” is the reference group.")
    if facts.question:
        parts.append(f"Readers were asked: “{facts.question.strip()}”")
    for text in (facts.scale, facts.order, facts.time_limit, facts.readers_told, facts.image_source):
        parts.append(sentence(text))
    if facts.is_blinded:
        parts.append(
            "Readers saw one image at a time in a web page, real and synthetic ones rendered in the same way "
            + (f"({facts.rendering}) " if facts.rendering else "")
            + "and served without any data that tell them apart; answers were final, and no image could be seen before "
            "its turn or again."
        )
    parts.append(sentence(facts.leak_audit))
    return " ".join(part for part in parts if part)


def _measures(analysis: Analysis) -> str:
    answers, options = analysis.answers, analysis.options
    confidence = level(options.confidence)
    if answers.is_pairs:
        first = (
            f"The share of right choices is given with exact (Clopper-Pearson) {confidence} confidence intervals (CI)."
        )
    else:
        positive = answers.positive_class
        first = (
            f"Accuracy, sensitivity ({class_called(positive, is_positive=True)}; the positive class is “{positive}”) "
            f"and specificity ({class_called(positive, is_positive=False)}) are given with exact (Clopper-Pearson) "
            f"{confidence} confidence intervals (CI)."
        )
    kappa = (
        "Agreement between readers is Fleiss’ κ; its headline interval uses the non-null standard error of Gwet, "
        "because the standard error under no agreement, which published studies often print, is too narrow once "
        "readers agree."
    )
    signal = (
        "Discrimination d′ and criterion c are those of the equal-variance normal model with the log-linear correction."
    )
    return f"{first} {kappa} {_equivalence(analysis)} {signal}"


def _equivalence(analysis: Analysis) -> str:
    options = analysis.options
    if options.margin is None:
        return (
            f"Accuracy was tested against 50{SPACE}%. Because {NO_MARGIN}, equivalence with chance was not tested, and "
            "images are not called indistinguishable."
        )
    low, high = 100 * (0.5 - options.margin), 100 * (0.5 + options.margin)
    origin = f", {options.margin_origin}," if options.margin_origin else ""
    return (
        "Whether readers are at chance was judged by two one-sided tests of equivalence (TOST) with a margin of "
        f"{100 * options.margin:g} percentage points around 50{SPACE}% ({low:g}{SPACE}% to {high:g}{SPACE}%){origin} "
        f"at α{SPACE}={SPACE}{analysis.chance.alpha:g}; images are called indistinguishable only when equivalence "
        "holds."
    )


def _models(analysis: Analysis) -> str:
    parts, answers = list(analysis.logistic.values()), analysis.answers
    if not parts:
        return ""
    text = (
        f"Right answers were modelled by mixed-effect logistic regression, {parts[0].formula}, with crossed random "
        "intercepts of images and readers, by maximum likelihood with Laplace’s approximation (as lme4’s glmer and "
        f"glmmTMB in R). Beside Wald’s {level(analysis.options.confidence)} CI, which published studies print, "
    )
    methods = {small.method for part in parts for small in part.small.values() if getattr(small, "method", "")}
    text += (
        f"an interval for few readers is given ({listed(sorted(methods))}), because with six readers Wald’s covered "
        f"the truth in 81{SPACE}% of simulated studies instead of 95{SPACE}%."
        if methods
        else "no interval for few readers could be given."
    )
    reasons = [
        in_words(answers, f"{part.images} images: {part.reason or (part.fit.reason if part.fit is not None else '')}")
        for part in parts
        if not part.estimable
    ]
    return text + (f" Not estimable: {sentence('; '.join(reasons))}" if reasons else "")


def _times(analysis: Analysis) -> str:
    if not analysis.size.n_timed:
        return "No reading times were recorded."
    text = (
        "The logarithm of reading time in seconds plus 1 was modelled by linear mixed models (REML; degrees of freedom "
        "by Satterthwaite, as lmerTest in R) on whether the answer was right, with random intercepts of images, with "
        "and without those of readers."
    )
    low, high = analysis.options.min_seconds, analysis.options.max_seconds
    factor = analysis.options.mad_factor
    rules = [
        f"below {low:g} s" if low is not None else "",
        f"above {high:g} s" if high is not None else "",
        f"further than {factor:g} scaled median absolute deviations from the reader's own median of log(time + 1)"
        if factor is not None
        else "",
    ]
    rule = " or ".join(part for part in rules if part)
    return f"{text} {f'Times {rule} count as outliers; none was dropped.' if rule else 'No time was left out.'}"


def _making(analysis: Analysis, facts: StudyFacts) -> str:
    versions, options = analysis.versions, analysis.options
    software = (
        f"Computed by Turing Reader {versions.turing_reader} (Python {versions.python}, NumPy {versions.numpy}, SciPy "
        f"{versions.scipy}) with random seed {options.seed}, {options.n_bootstrap_kappa:,} bootstrap draws for κ."
    )
    parts = [software]
    for name, value in (
        ("Study opened on", facts.opened_on),
        ("closed on", facts.closed_on),
        ("SHA-256 of the protocol", facts.protocol_sha256),
        ("of the list of images", facts.manifest_sha256),
        ("SHA-256 of the answers", facts.answers_sha256),
        ("Images and their order were drawn with seed", facts.drawing_seed),
    ):
        if value:
            parts.append(sentence(f"{name} {value}"))
    return " ".join(parts)
