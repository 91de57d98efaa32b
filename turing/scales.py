"""The scales on which readers answer, and what an answer on a graded one says of the image. Pure.

Every graded scale runs from real (low) to synthetic (high), whatever the positive class of the study is, and has no
middle: a rating always says one of the two.
"""

from turing.models.studies import Origin, Response, Scale

CONFIDENCE_LABELS = (
    "Surely real",
    "Probably real",
    "Perhaps real",
    "Perhaps synthetic",
    "Probably synthetic",
    "Surely synthetic",
)
UNDECIDED = 50  # of 0 to 100: says neither, so it is no answer
RANGES = {Scale.CONFIDENCE: (1, len(CONFIDENCE_LABELS)), Scale.PERCENT: (0, 100)}


def responses_of(scale: str) -> tuple[Response, ...]:
    """What an answer on this scale can say, apart from none in time."""
    return (Response.LEFT, Response.RIGHT) if scale == Scale.PAIR else (Response.REAL, Response.SYNTHETIC)


def right_response(scale: str, *, origin: str, positive_class: str) -> Response:
    """The right answer. `origin`: what the image is; of a pair what the left one is, and asked for is the side of the
    positive class.
    """
    if scale == Scale.PAIR:
        return Response.LEFT if origin == positive_class else Response.RIGHT
    return Response(Origin(origin).value)


def response_of(scale: str, rating: int) -> Response:
    """What a rating says. Raises ValueError for a scale without ratings, a rating out of range, or 50 of 100."""
    if scale not in RANGES:
        raise ValueError(f"The scale “{scale}” has no ratings.")
    low, high = RANGES[Scale(scale)]
    if not low <= rating <= high:
        raise ValueError(f"Rating {rating} is out of range: it must lie between {low} and {high}.")
    if scale == Scale.PERCENT:
        if rating == UNDECIDED:
            raise ValueError("50 of 100 says neither real nor synthetic: choose a side, if only just.")
        return Response.SYNTHETIC if rating > UNDECIDED else Response.REAL
    return Response.SYNTHETIC if rating > high / 2 else Response.REAL
