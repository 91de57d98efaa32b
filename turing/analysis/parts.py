"""The parts of an analysis, as frozen results. A part that could not be computed has a `reason` and no numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from turing.analysis.answers import Answers
from turing.analysis.options import AnalysisOptions
from turing.stats.accuracy import PairAccuracy, Proportion, ReaderAccuracy
from turing.stats.agreement import FleissKappa
from turing.stats.agreement_bootstrap import AgreementBootstrap
from turing.stats.cohen import PairwiseKappa
from turing.stats.comparison import Difference
from turing.stats.difficulty import Difficulty
from turing.stats.equivalence import Equivalence
from turing.stats.graded import (
    AreaComparison,
    BinormalFit,
    Calibration,
    ObuchowskiRockette,
    PartialArea,
    ReaderAverage,
    RocCurve,
)
from turing.stats.gwet import GwetAgreement
from turing.stats.mixed import LinearFit, LogisticFit, OddsCoefficient, Remark
from turing.stats.retest import CohenKappa
from turing.stats.roc import RocArea
from turing.stats.signal_detection import SignalDetection
from turing.stats.small_sample import MarginalAccuracy, SmallSampleInterval
from turing.stats.time_trend import TrendSensitivity
from turing.stats.times import Outliers, TimeCell, TimeDistribution
from turing.stats.unanimous import Unanimous

PARTS = ("all", "real", "synthetic")  # the images that a model or a kappa is about


@dataclass(frozen=True)
class Size:
    """What there is to analyse."""

    n_readers: int
    n_images: int
    n_real: int  # images; of pairs: those with the image asked for on the left
    n_synthetic: int
    n_answers: int  # first answers that were given
    n_missing: int  # first answers that were not given in time
    n_repeats: int  # later answers of a reader to an image
    n_timed: int  # first answers, given, with a reading time
    n_flagged: int  # of those, with a time that the measurement doubts


@dataclass(frozen=True)
class MeanShare:
    """Mean of the readers' shares, each counting alike, with Student's interval over readers; NaN where there is none.

    The readers vary in it, the images do not: it says what other readers would do on these images.
    """

    mean: float
    sd: float
    low: float
    high: float
    n_readers: int


@dataclass(frozen=True)
class AccuracyRow:
    """One reader, one group, or all; a group's and all readers' shares are of pooled answers."""

    name: str  # of the reader or group; "all"
    kind: str  # "reader", "group", "all"
    group: str  # of a reader; "" when there is none
    n_readers: int
    n_missing: int  # answers not given in time; no part of the shares
    shares: ReaderAccuracy | PairAccuracy  # exact intervals; pooled ones take answers as independent: too narrow
    real: Proportion | None  # real called real; None for pairs
    synthetic: Proportion | None  # synthetic called synthetic
    mean_accuracy: MeanShare | None = None  # of a group or of all
    mean_real: MeanShare | None = None
    mean_synthetic: MeanShare | None = None

    @property
    def accuracy(self) -> Proportion:
        return self.shares.accuracy


@dataclass(frozen=True)
class Accuracy:
    positive_class: str  # whose share of right answers is the sensitivity
    readers: tuple[AccuracyRow, ...]
    groups: tuple[AccuracyRow, ...]
    pooled: AccuracyRow


@dataclass(frozen=True)
class AgreementPart:
    """Agreement of some readers about one kind of images."""

    images: str  # "all", "real", "synthetic"; "pairs"
    readers: str  # "all" or the name of a group
    fleiss: FleissKappa  # images that every one of these readers answered
    gwet: GwetAgreement  # every answer there is
    bootstrap: AgreementBootstrap | None  # None for groups


@dataclass(frozen=True)
class Retest:
    """A reader's two answers about the same images."""

    reader: str
    kappa: CohenKappa


@dataclass(frozen=True)
class Agreement:
    parts: Mapping[str, AgreementPart]  # "all", "real", "synthetic"; of pairs: "all"
    groups: Mapping[str, AgreementPart]  # by group, about all images; groups of two readers or more
    pairwise: PairwiseKappa  # in the order of answers.readers
    retest: tuple[Retest, ...]  # readers with repeats; empty when there are none


@dataclass(frozen=True)
class ChanceRow:
    """Is this reader, this group, are all readers at chance?

    `p_chance` and `equivalence` of a reader are tests of his or her own answers. Of a group and of all they are about
    `marginal`, the accuracy that the mixed model expects of new readers with new images: pooled answers are not
    independent, so their counts are tested nowhere.
    """

    name: str
    kind: str  # "reader", "group", "all"
    k: int
    n: int
    p_chance: float  # test that the accuracy (or balanced accuracy) is 50 %; NaN where none can be done
    chance_test: str  # which test that is
    p_association: float  # Fisher's exact test that answers have nothing to do with the truth; readers only, else NaN
    equivalence: Equivalence
    marginal: MarginalAccuracy | None  # of a group, of all: what new readers get right of new images; else None
    signal: SignalDetection
    verdict: str  # in words, from the tests; "indistinguishable" only when equivalence holds


@dataclass(frozen=True)
class Chance:
    margin: float | None  # None: none was declared, so there is no test of equivalence
    margin_origin: str  # see AnalysisOptions
    alpha: float
    balanced: bool  # classes are so unequal that the balanced accuracy is tested
    readers: tuple[ChanceRow, ...]
    groups: tuple[ChanceRow, ...]
    overall: ChanceRow


@dataclass(frozen=True)
class LogisticPart:
    """correct ~ group + (1|image) + (1|reader) on one kind of images; without groups, correct ~ 1 + ..."""

    images: str
    formula: str
    terms: tuple[str, ...]  # of the group; empty without groups
    fit: LogisticFit | None  # None: there was nothing to fit, see `reason`
    small: Mapping[str, SmallSampleInterval] = field(default_factory=dict)  # by term, the intercept too; may be empty
    reason: str = ""

    @property
    def estimable(self) -> bool:
        return self.fit is not None and self.fit.estimable

    @property
    def warnings(self) -> tuple[Remark, ...]:
        return self.fit.warnings if self.fit is not None else ()

    @property
    def effects(self) -> tuple[OddsCoefficient, ...]:
        """The odds ratios of the groups, against the reference group."""
        return tuple(self.fit[term] for term in self.terms) if self.fit is not None else ()


@dataclass(frozen=True)
class LinearPart:
    """log(seconds + 1) ~ correct + (1|image) [+ (1|reader)] on one kind of images."""

    images: str
    crossed: LinearFit | None
    image_only: LinearFit | None
    reason: str = ""


@dataclass(frozen=True)
class CovariateModel:
    """A model with further covariates or interactions."""

    key: str  # stable, for programs
    title: str  # for people
    outcome: str  # "correct" or "log_seconds"
    formula: str  # as R writes it
    terms: Mapping[str, str]  # what each coefficient means, in words
    fit: LogisticFit | LinearFit | None
    reason: str = ""

    def in_words(self, text: str) -> str:
        """`text` with what the coefficients mean in the place of their names."""
        for name in sorted(self.terms, key=len, reverse=True):  # the name of an interaction holds those of its parts
            text = text.replace(name, self.terms[name])
        return text


@dataclass(frozen=True)
class StepShare:
    """How often images with this rating were synthetic: what a step of a scale in words was worth."""

    rating: float
    synthetic: Proportion


@dataclass(frozen=True)
class GradedReader:
    """One reader's graded answers: synthetic images are the cases, whatever the positive class is."""

    name: str
    area: RocArea  # empirical, with DeLong's interval
    curve: RocCurve
    binormal: BinormalFit
    partial: PartialArea  # at specificity 0.9 to 1: of the real images at most one in ten called synthetic
    calibration: Calibration | None  # None: ratings are steps, not probabilities
    steps: tuple[StepShare, ...] = ()  # of up to ten different ratings


@dataclass(frozen=True)
class PairOfReaders:
    """Two readers' areas on the images both rated (DeLong, paired)."""

    first: str
    second: str
    n_images: int
    comparison: AreaComparison
    p_holm: float  # corrected for all pairs of readers


@dataclass(frozen=True)
class GroupDifference:
    """Mean area of a group less that of the reference group, by Welch's t over readers."""

    reference: str
    group: str
    difference: Difference


@dataclass(frozen=True)
class ReaderAverages:
    """Of all readers or of a group: readers and images both random, in two ways that answer the same question."""

    name: str  # "all", or of the group
    u_statistics: ReaderAverage  # Gallas 2006
    obuchowski_rockette: ObuchowskiRockette | None  # None for pairs


@dataclass(frozen=True)
class Graded:
    """Areas under ROC curves. Of pairs: the share of right choices, which is that area; `readers` is then empty."""

    readers: tuple[GradedReader, ...]
    averages: tuple[ReaderAverages, ...]  # all first, then groups
    scale: str  # what the ratings are, in words
    calibration: Calibration | None = None  # all readers pooled; answers are taken as independent
    between_groups: tuple[GroupDifference, ...] = ()
    pairs_of_readers: tuple[PairOfReaders, ...] = ()
    pairs_reason: str = ""  # why there are none
    n_unrated: int = 0  # first answers without a rating; left out


@dataclass(frozen=True)
class ReaderTimes:
    name: str  # of the reader or group
    distribution: TimeDistribution
    n_outliers: int = 0  # of these times, marked as doubtful


@dataclass(frozen=True)
class Times:
    """Reading times of first answers that were given. Outliers are marked and counted, never dropped in silence."""

    distribution: TimeDistribution
    by_answer: tuple[TimeCell, ...]  # truth x right or wrong
    readers: tuple[ReaderTimes, ...]
    outliers: Outliers
    linear_without_outliers: Mapping[str, LinearPart]  # as `Analysis.linear`; empty when no answer is marked
    trend: TrendSensitivity | None  # learning and fatigue; None: see `trend_reason`
    trend_reason: str
    groups: tuple[ReaderTimes, ...] = ()
    without_outliers: TimeDistribution | None = None  # None: no answer is marked


@dataclass(frozen=True)
class Images:
    """Which images are hard, and about which everybody says the same."""

    difficulty: Difficulty  # of all images, the class being a covariate
    unanimous: Unanimous | None  # None for pairs
    unanimous_reason: str
    difficulty_formula: str = ""  # of the model that the difficulty is from


@dataclass(frozen=True)
class Versions:
    """What computed this."""

    turing_reader: str
    python: str
    numpy: str
    scipy: str


@dataclass(frozen=True)
class Analysis:
    """Everything `analyse` found in one study. `answers` are what it was computed from, repeats included."""

    answers: Answers
    options: AnalysisOptions
    size: Size
    accuracy: Accuracy
    agreement: Agreement
    chance: Chance
    logistic: Mapping[str, LogisticPart]  # "all", "real", "synthetic"; of pairs: "all"
    linear: Mapping[str, LinearPart]
    covariates: tuple[CovariateModel, ...]
    graded: Graded | None  # None when answers are not graded: see `graded_reason`
    graded_reason: str
    times: Times | None  # None: see `times_reason`
    times_reason: str
    images: Images | None  # None: see `images_reason`
    images_reason: str
    problems: tuple[str, ...]  # what could not be computed and why
    notes: tuple[str, ...]  # what must be said of the data and the methods
    versions: Versions
    seconds_taken: float = 0.0
