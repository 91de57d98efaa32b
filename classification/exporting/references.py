"""The literature behind the numbers of an experiment. Each entry says when it belongs in the list."""

from collections.abc import Callable

from classification.cnn.config import ClassifierConfig
from classification.models import Experiment
from classification.results import Results

Applies = Callable[[Experiment, Results, ClassifierConfig], bool]


def _compares(_: Experiment, results: Results, __: ClassifierConfig) -> bool:
    return len(results.arms) > 1


def _is_clustered(_: Experiment, results: Results, __: ClassifierConfig) -> bool:
    return any(one.first.n_patients < one.first.n_positive + one.first.n_negative for one in results.test_sets)


REFERENCES: tuple[tuple[Applies, str], ...] = (
    (
        lambda e, r, c: e.kind == Experiment.Kind.KONG,
        "Kong HJ, Kim JY, Moon HM, et al. Automation of generative adversarial network-based synthetic "
        "data-augmentation for maximizing the diagnostic performance with paranasal imaging. Sci Rep 2022;12:18118.",
    ),
    (
        lambda e, r, c: e.kind in (Experiment.Kind.JANG, Experiment.Kind.ORIGIN),
        "Jang M, Bae HJ, Kim M, et al. Image Turing test and its applications on synthetic chest radiographs by using "
        "the progressive growing generative adversarial network. Sci Rep 2023;13:2356.",
    ),
    (
        lambda e, r, c: c.backbone == "densenet121",
        "Huang G, Liu Z, van der Maaten L, Weinberger KQ. Densely connected convolutional networks. CVPR "
        "2017:2261-2269.",
    ),
    (
        lambda e, r, c: c.backbone.startswith("resnet"),
        "He K, Zhang X, Ren S, Sun J. Deep residual learning for image recognition. CVPR 2016:770-778.",
    ),
    (
        lambda e, r, c: c.optimiser == "adam",
        "Kingma DP, Ba J. Adam: a method for stochastic optimization. ICLR 2015.",
    ),
    (
        lambda e, r, c: True,
        "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver operating "
        "characteristic curves. Biometrics 1988;44:837-845.",
    ),
    (
        _is_clustered,
        "Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics 1997;53:567-578.",
    ),
    (
        lambda e, r, c: True,
        "Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the case of the binomial. "
        "Biometrika 1934;26:404-413.",
    ),
    (lambda e, r, c: True, "Efron B, Tibshirani RJ. An introduction to the bootstrap. Chapman & Hall 1993."),
    (lambda e, r, c: True, "Youden WJ. Index for rating diagnostic tests. Cancer 1950;3:32-35."),
    (
        _compares,
        "McNemar Q. Note on the sampling error of the difference between correlated proportions or percentages. "
        "Psychometrika 1947;12:153-157.",
    ),
    (_compares, "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70."),
    (
        _compares,
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing. J R Stat Soc B 1995;57:289-300.",
    ),
    (
        lambda e, r, c: True,
        "Brier GW. Verification of forecasts expressed in terms of probability. Mon Weather Rev 1950;78:1-3.",
    ),
    (
        lambda e, r, c: True,
        "Guo C, Pleiss G, Sun Y, Weinberger KQ. On calibration of modern neural networks. ICML 2017:1321-1330.",
    ),
    (
        lambda e, r, c: True,
        "Tejani AS, Klontzas ME, Gatti AA, et al. Checklist for Artificial Intelligence in Medical Imaging (CLAIM): "
        "2024 update. Radiol Artif Intell 2024;6:e240300.",
    ),
)


def references(experiment: Experiment, results: Results, config: ClassifierConfig) -> tuple[str, ...]:
    return tuple(text for applies, text in REFERENCES if applies(experiment, results, config))
