"""What a reader may say about an image in a study: the answer itself, marks and a comment, by the study's protocol."""

from dataclasses import dataclass
from typing import Any

from turing.marks import MOST_CHARACTERS, clean_marks
from turing.models.reading import Answer
from turing.models.studies import Response, Scale, Study
from turing.reading.errors import InvalidAnswer
from turing.scales import RANGES, response_of, responses_of
from turing.timing import TOLERANCE_MS


@dataclass(frozen=True)
class Given:
    """An answer as it will be stored: fields of Answer."""

    value: str
    rating: int | None
    marks: list[dict[str, float]]
    comment: str

    def is_that_of(self, answer: Answer) -> bool:
        return (self.value, self.rating, self.marks, self.comment) == (
            answer.value,
            answer.rating,
            answer.marks,
            answer.comment,
        )

    def require_time_was_up(self, study: Study, *, server_ms: int) -> None:
        """Raises InvalidAnswer when no answer is given before the time limit, by the server's clock."""
        if self.value == Response.NONE and server_ms + TOLERANCE_MS < (study.time_limit_ms or 0):
            raise InvalidAnswer("There is time left for an answer.")


def check_answer(study: Study, *, value: str, rating: int | None, marks: Any, comment: str) -> Given:
    """On a graded scale `rating` says it all and `value` follows from it. "none", no answer in time, exists only with a
    time limit. Raises InvalidAnswer, with a text for the reader.
    """
    try:
        value = _value(study, value, rating)
        n_images = 2 if study.scale == Scale.PAIR else 1
        cleaned = clean_marks(list(marks), kind=study.mark_kind, size=study.image_size, n_images=n_images)
    except ValueError as error:
        raise InvalidAnswer(str(error)) from error
    comment = comment.strip()
    if comment and not study.asks_comment:
        raise InvalidAnswer("This study takes no comments.")
    if len(comment) > MOST_CHARACTERS or "\0" in comment:
        raise InvalidAnswer(f"The comment has {len(comment)} characters: at most {MOST_CHARACTERS} are possible.")
    return Given(value=value, rating=rating, marks=cleaned, comment=comment)


def _value(study: Study, value: str, rating: int | None) -> str:
    possible: list[str] = [str(response) for response in responses_of(study.scale)]
    if study.time_limit_ms is not None and value == Response.NONE and rating is None:
        return value
    if study.scale in RANGES:
        if rating is None:
            raise ValueError("A rating is needed for an answer.")
        said = response_of(study.scale, rating)
        if value not in ("", said):
            raise ValueError(f"The rating {rating} says {said}, not {value}.")
        return said
    if rating is not None:
        raise ValueError("This study takes no ratings.")
    if value not in possible:
        raise ValueError(f"“{value}” is not an answer; possible: {', '.join(possible)}.")
    return value
