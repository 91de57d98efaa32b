"""Default words of a study. An investigator may change them while the study is a draft."""

DEFAULT_QUESTION = "Is this radiograph real or synthetic?"

DEFAULT_INSTRUCTIONS = """\
You will see radiographs one at a time. Some were taken of a patient; others were made by a computer program.
For each one, decide which it is.

* There may be any number of either kind, in any order.
* There is no time limit, but the time you take is measured. Please answer as soon as you have decided, and do not
  leave an image open while you do something else.
* **An answer is final.** You cannot go back, and you will not be told whether you were right.
* You may stop between two images and come back later, also on another day: you continue where you stopped.
* Please read alone, on the screen and in the room light that you use for work, and do not talk about the images
  with other readers until the study is closed.
"""


def default_question(scale: str, positive_class: str) -> str:
    """What is asked of a reader unless the investigator has other words."""
    return f"Which of the two is {positive_class}?" if scale == "pair" else DEFAULT_QUESTION
