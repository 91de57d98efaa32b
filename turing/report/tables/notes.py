"""Notes under a table, and the words that several tables share."""

from turing.analysis.answers import Answers
from turing.report.formatting import NOT_ESTIMABLE, SPACE

IMAGES = {"all": "All images", "real": "Real images", "synthetic": "Synthetic images", "pairs": "All pairs"}


class Notes:
    """Collects notes; those that belong to a cell get a letter, the same text the same letter."""

    def __init__(self, *first: str) -> None:
        self.general = [text for text in first if text]
        self.lettered: dict[str, list[str]] = {}  # text -> what it is about

    def add(self, text: str) -> None:
        if text and text not in self.general:
            self.general.append(text)

    def mark(self, text: str, where: str = "") -> str:
        """The mark to print in a cell, such as "[a]". `where`: what the note is about; it comes before the text."""
        places = self.lettered.setdefault(sentence(text), [])
        if where and where not in places:
            places.append(where)
        return f"[{_letter(list(self.lettered).index(sentence(text)))}]"

    def not_estimable(self, reason: str, where: str = "") -> str:
        """What a cell says when there is no number."""
        return f"{NOT_ESTIMABLE} {self.mark(reason, where)}" if reason else NOT_ESTIMABLE

    @property
    def texts(self) -> tuple[str, ...]:
        lettered = (
            f"[{_letter(place)}] {'; '.join(places) + ': ' if places else ''}{text}"
            for place, (text, places) in enumerate(self.lettered.items())
        )
        return (*self.general, *lettered)


def _letter(place: int) -> str:
    return chr(ord("a") + place) if place < 26 else _letter(place // 26 - 1) + _letter(place % 26)


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    text = text.strip().replace(" %", f"{SPACE}%")
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""


def term_name(answers: Answers, term: str) -> str:
    """ "more against less" for experiencemore; the intercept and anything else in words where they are known."""
    for level in answers.groups[1:]:
        if term == f"{answers.group_name}{level}":
            return f"{level} against {answers.groups[0]}"
    return {"(Intercept)": "intercept", "correct": "right against wrong answers"}.get(term, term)


def in_words(answers: Answers, text: str) -> str:
    """`text` with names of coefficients put in words: "experience: more" for experiencemore."""
    for group in answers.groups[1:]:
        text = text.replace(f"{answers.group_name}{group}", f"{answers.group_name}: {group}")
    return text


def class_called(positive_class: str, *, is_positive: bool) -> str:
    """ "real called real": the share that sensitivity (or specificity) is."""
    other = "synthetic" if positive_class == "real" else "real"
    name = positive_class if is_positive else other
    return f"{name} called {name}"
