"""What a report says about a study beyond its answers: who asked what of whom, hashes, dates, the leak audit."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StudyFacts:
    """Everything is optional: of answers that were collected elsewhere only their file is known.

    A text is printed as it is. What is left empty is not invented: the report says "to be stated by the authors".
    """

    title: str = ""
    question: str = ""  # as readers were asked
    scale: str = ""  # in words, for example "two buttons: real, synthetic"
    order: str = ""  # in words: the same for all, drawn for each reader ...
    time_limit: str = ""  # in words
    readers_told: str = ""  # what readers knew of the mix of images
    image_source: str = ""  # in words: datasets, generator, how images were drawn
    rendering: str = ""  # size and bit depth, the same for real and synthetic images
    protocol_sha256: str = ""
    manifest_sha256: str = ""
    answers_sha256: str = ""  # of the file the answers came from
    drawing_seed: str = ""  # with which images and their order were drawn
    opened_on: str = ""  # ISO dates
    closed_on: str = ""
    leak_audit: str = ""  # its result in a sentence
    analysis_plan: str = ""  # in sentences: what of the analysis was declared beforehand, and what afterwards
    exclusions: tuple[str, ...] = ()  # what was left out before the analysis, and why
    is_blinded: bool = False  # rendered and served by Turing Reader, truth unknown to readers and their browsers
    is_time_measured: bool = False  # by Turing Reader's clock
    has_simulated_readers: bool = False
    further: Mapping[str, str] = field(default_factory=dict)  # name -> text, printed in a list
