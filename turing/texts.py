"""Default words of a study. An investigator may change them while the study is a draft.

Words that were not touched follow the protocol: a study in pairs asks another question than one with single images.
"""

from itertools import product

DEFAULT_QUESTION = "Is this radiograph real or synthetic?"
_QUESTIONS = {"percent": "How likely is it that this radiograph is synthetic?"}  # by scale

_INSTRUCTIONS = """\
{task}

{mix}
{time}
* **An answer is final.** You cannot go back, and {feedback}.
* You may stop between two images and come back later, also on another day: you continue where you stopped.
* Please read alone, on the screen and in the room light that you use for work, and do not talk about the images
  with other readers until the study is closed.
"""
_ONE_AT_A_TIME = """\
You will see radiographs one at a time. Some were taken of a patient; others were made by a computer program.
For each one, decide which it is."""
_IN_PAIRS = """\
You will see two radiographs side by side. One was taken of a patient; the other was made by a computer program.
For each pair, answer the question above the images."""
_ANY_MIX = "* There may be any number of either kind, in any order."
_ONE_OF_EACH = "* There is always one of each kind; which is on which side is left to chance."
_NO_LIMIT = """\
* There is no time limit, but the time you take is measured. Please answer as soon as you have decided, and do not
  leave an image open while you do something else."""
_LIMIT = """\
* The time is limited, and the time you take is measured. Please answer as soon as you have decided; when you are not
  sure, decide all the same."""
_NO_FEEDBACK = "you will not be told whether you were right"
_FEEDBACK = "after the practice you will not be told whether you were right"


def default_question(scale: str = "binary", positive_class: str = "real") -> str:
    """What is asked of a reader unless the investigator has other words."""
    if scale == "pair":
        return f"Which of the two is {positive_class}?"
    return _QUESTIONS.get(scale, DEFAULT_QUESTION)


def default_instructions(*, scale: str = "binary", is_timed: bool = False, has_feedback: bool = False) -> str:
    """Markdown. `is_timed`: the image, or the answer, has a time limit. `has_feedback`: in the practice."""
    is_pair = scale == "pair"
    return _INSTRUCTIONS.format(
        task=_IN_PAIRS if is_pair else _ONE_AT_A_TIME,
        mix=_ONE_OF_EACH if is_pair else _ANY_MIX,
        time=_LIMIT if is_timed else _NO_LIMIT,
        feedback=_FEEDBACK if has_feedback else _NO_FEEDBACK,
    )


def is_default_question(text: str) -> bool:
    scales = ("binary", "percent", "pair")
    return text in {default_question(scale=scale, positive_class=c) for scale in scales for c in ("real", "synthetic")}


def is_default_instructions(text: str) -> bool:
    """Whatever a browser made of the ends of its lines."""
    words = text.split()
    return any(
        words == default_instructions(scale=scale, is_timed=is_timed, has_feedback=has_feedback).split()
        for scale, is_timed, has_feedback in product(("binary", "pair"), (False, True), (False, True))
    )


DEFAULT_INSTRUCTIONS = default_instructions()
