"""Refusals while reading. Each has an HTTP status and a short code that the page acts on."""


class ReadingRefused(Exception):  # noqa: N818  what it is: an answer, not a fault
    """A request that the locked order does not allow. The text is shown to the reader and never tells the truth of
    an image, a hash, or how many images of a kind there are."""

    status = 400
    code = "refused"


class InvalidAnswer(ReadingRefused):
    status = 400
    code = "invalid"


class StudyClosed(ReadingRefused):
    status = 403
    code = "closed"


class NotAvailableYet(ReadingRefused):
    """A second session, before the washout after the first is over."""

    status = 403
    code = "not-yet"


class InvalidDeclaration(ReadingRefused):
    """What has to be said before the start: consent, experience."""

    status = 422
    code = "declaration"


class NotStarted(ReadingRefused):
    status = 409
    code = "not-started"


class UnknownImage(ReadingRefused):
    """Never existed, belongs to somebody else, or is not there yet: one answer for all, so nothing can be probed."""

    status = 404
    code = "unknown-image"

    def __init__(self, text: str = "This image is not there, or not any more.") -> None:
        super().__init__(text)


class ReadsElsewhere(ReadingRefused):
    """A page that is not the newest of its session."""

    status = 409
    code = "elsewhere"


class NotCurrent(ReadingRefused):
    """The one image that may be fetched ahead: it has to wait for the answer before it."""

    status = 409
    code = "not-current"


class NotShown(ReadingRefused):
    status = 409
    code = "not-shown"


class AnsweredAlready(ReadingRefused):
    status = 409
    code = "answered-already"


class ImageDamaged(ReadingRefused):
    """The file is not what the opening of the study stored. Like every status from 500 on: the page asks again."""

    status = 503
    code = "image-damaged"


class Unavailable(ReadingRefused):
    """The database is locked, full or gone: nothing was changed, and the same request may be sent again."""

    status = 503
    code = "unavailable"
