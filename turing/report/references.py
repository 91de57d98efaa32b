"""The literature behind the numbers of a report. Each entry says when it belongs in the list."""

from collections.abc import Callable

from turing.analysis.parts import Analysis

REFERENCES: tuple[tuple[Callable[[Analysis], bool], str], ...] = (
    (
        lambda _: True,
        "Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the case of the "
        "binomial. Biometrika 1934;26:404-413.",
    ),
    (lambda _: True, "Fleiss JL. Measuring nominal scale agreement among many raters. Psychol Bull 1971;76:378-382."),
    (
        lambda _: True,
        "Fleiss JL, Nee JCM, Landis JR. Large sample variance of kappa in the case of different sets of "
        "raters. Psychol Bull 1979;86:974-977.",
    ),
    (lambda _: True, "Gwet KL. Large-sample variance of Fleiss generalized kappa. Educ Psychol Meas 2021;81:781-790."),
    (
        lambda _: True,
        "Gwet KL. Computing inter-rater reliability and its variance in the presence of high agreement. Br "
        "J Math Stat Psychol 2008;61:29-48.",
    ),
    (
        lambda a: len(a.answers.readers) > 1,
        "Cohen J. A coefficient of agreement for nominal scales. Educ Psychol Meas 1960;20:37-46.",
    ),
    (
        lambda _: True,
        "Breslow NE, Clayton DG. Approximate inference in generalized linear mixed models. J Am Stat Assoc "
        "1993;88:9-25.",
    ),
    (
        lambda _: True,
        "Bates D, Mächler M, Bolker B, Walker S. Fitting linear mixed-effects models using lme4. J Stat "
        "Softw 2015;67(1):1-48.",
    ),
    (
        lambda a: bool(a.linear),
        "Kuznetsova A, Brockhoff PB, Christensen RHB. lmerTest package: tests in linear mixed "
        "effects models. J Stat Softw 2017;82(13):1-26.",
    ),
    (
        lambda a: any(not p.estimable for p in a.logistic.values()),
        "Albert A, Anderson JA. On the existence of maximum "
        "likelihood estimates in logistic regression models. Biometrika 1984;71:1-10.",
    ),
    (
        lambda a: a.options.margin is not None,
        "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for "
        "assessing the equivalence of average bioavailability. J Pharmacokinet Biopharm 1987;15:657-680.",
    ),
    (
        lambda _: True,
        "Hautus MJ. Corrections for extreme proportions and their biasing effects on estimated values of "
        "d′. Behav Res Methods Instrum Comput 1995;27:46-51.",
    ),
    (lambda _: True, "Macmillan NA, Creelman CD. Detection theory: a user’s guide. 2nd ed. Lawrence Erlbaum 2005."),
    (
        lambda a: a.graded is not None,
        "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more "
        "correlated receiver operating characteristic curves. Biometrics 1988;44:837-845.",
    ),
    (
        lambda a: a.graded is not None,
        "Gallas BD. One-shot estimate of MRMC variance: AUC. Acad Radiol 2006;13:353-362.",
    ),
    (
        lambda a: a.graded is not None,
        "Obuchowski NA, Rockette HE. Hypothesis testing of diagnostic accuracy for multiple "
        "readers and multiple tests: an ANOVA approach with dependent observations. Commun Stat Simul Comput "
        "1995;24:285-308.",
    ),
    (
        lambda _: True,
        "Kottner J, Audigé L, Brorson S, et al. Guidelines for Reporting Reliability and Agreement Studies "
        "(GRRAS) were proposed. J Clin Epidemiol 2011;64:96-106.",
    ),
    (
        lambda _: True,
        "Bossuyt PM, Reitsma JB, Bruns DE, et al. STARD 2015: an updated list of essential items for "
        "reporting diagnostic accuracy studies. BMJ 2015;351:h5527.",
    ),
    (
        lambda _: True,
        "Tejani AS, Klontzas ME, Gatti AA, et al. Checklist for Artificial Intelligence in Medical Imaging "
        "(CLAIM): 2024 update. Radiol Artif Intell 2024;6:e240300.",
    ),
    (
        lambda _: True,
        "Jang M, Bae HJ, Kim M, et al. Image Turing test and its applications on synthetic chest "
        "radiographs by using the progressive growing generative adversarial network. Sci Rep 2023;13:2356.",
    ),
)


def references(analysis: Analysis) -> tuple[str, ...]:
    return tuple(text for applies, text in REFERENCES if applies(analysis))
