"""A PACS over DICOMweb: search (QIDO-RS) and retrieval (WADO-RS), with dicomweb-client (optional: turing-reader[pacs]).

What a PACS answers names patients. Nothing of it is logged or put into an error: not even addresses, which have the
identifiers of studies in them.
"""

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from pydicom import Dataset

from imaging.intake.report import printable

SECONDS = 60.0  # until a PACS that says nothing counts as gone
ATTEMPTS = 5  # while it says that it is busy (408, 429, 503, 504), with longer and longer pauses
PAUSE_MS = 1000
PAGE = 100  # results that are asked for at once
UID = re.compile(r"[0-9][0-9.]{0,63}")
CODE = re.compile(r"[A-Z0-9_ ]{1,16}")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}

logging.getLogger("dicomweb_client").setLevel(logging.CRITICAL + 1)  # it writes identifiers of studies into the log


class PacsError(Exception):
    """The PACS cannot be used, or does not answer; says what to do. What was retrieved already stays."""


class InstanceError(Exception):
    """One image cannot be had: `reason` is "missing" or "damaged"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class PacsAccess:
    """Address and credentials, which come from the environment (see config.environment)."""

    url: str
    user: str = ""
    password: str = ""
    token: str = ""
    ca_bundle: str = ""  # path of certificates that are trusted beside the usual ones
    pause_ms: int = PAUSE_MS

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("The address of the PACS must begin with https:// and name a server")
        if parts.username or parts.password:
            raise ValueError("The address of the PACS may not have a password in it; set DICOMWEB_USER and _PASSWORD")
        if parts.scheme == "http" and (self.user or self.token) and parts.hostname not in LOOPBACK:
            raise ValueError("A password is not sent over http://. Use an address that begins with https://")

    def __repr__(self) -> str:
        return f"PacsAccess(url={self.url!r})"


@dataclass(frozen=True, kw_only=True)
class PacsQuery:
    """Which images: day of the study ("20240131", "20240101-20240331"), modality (DX), body part (CHEST)."""

    study_date: str = ""
    modality: str = ""
    body_part: str = ""

    def __post_init__(self) -> None:
        if self.study_date and not re.fullmatch(r"\d{8}(-\d{8})?", self.study_date):
            raise ValueError(f"study_date is {self.study_date!r}; 20240131 or 20240101-20240331 is understood")
        for name in ("modality", "body_part"):
            value = getattr(self, name)
            if value and not CODE.fullmatch(value):
                raise ValueError(f"{name} is {value!r}; DX and CHEST are examples of what is understood")
        if not (self.study_date or self.modality or self.body_part):
            raise ValueError("Say what is looked for: a study date, a modality or a body part. Nobody wants all of it")

    def __str__(self) -> str:
        return ", ".join(value for value in (self.study_date, self.modality, self.body_part) if value)


@dataclass(frozen=True, kw_only=True)
class Instance:
    study: str
    series: str
    uid: str


def parse_dates(text: str) -> str:
    """ "2024-01-31" or "2024-01-01..2024-03-31" as DICOM writes them. Raises ValueError."""
    found = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)(?:(?:\.\.|-)(\d{4})-?(\d\d)-?(\d\d))?", text.strip())
    if text.strip() and found is None:
        raise ValueError(
            f"The study date {printable(text, 40)!r} is not understood: 2024-01-31, 2024-01-01..2024-03-31"
        )
    if found is None:
        return ""
    parts = [part or "" for part in found.groups()]
    first, last = "".join(parts[:3]), "".join(parts[3:])
    return f"{first}-{last}" if last else first


class Pacs:
    """One connection. Raises PacsError when the package is not installed."""

    def __init__(self, access: PacsAccess) -> None:
        try:
            import requests
            from dicomweb_client.api import DICOMwebClient
        except ImportError as error:
            raise PacsError(
                "The package dicomweb-client is not installed. Install it with: pip install 'turing-reader[pacs]'"
            ) from error
        self._errors = requests.RequestException
        session = requests.Session()
        session.verify = access.ca_bundle or True
        if access.token:
            session.headers["Authorization"] = f"Bearer {access.token}"
        elif access.user:
            session.auth = (access.user, access.password)
        self._client = DICOMwebClient(access.url.rstrip("/"), session=session, timeout=SECONDS)
        self._client.set_http_retry_params(max_attempts=ATTEMPTS, wait_exponential_multiplier=access.pause_ms)

    def find(self, query: PacsQuery, *, step: Callable[[int], None] = lambda _: None) -> list[Instance]:
        """All images that match, each once, in the order of the PACS. `step(images so far)` may raise.

        A PACS may ignore what it is asked for: modality and body part are compared again, where it tells them.
        """
        found: dict[str, Instance] = {}
        for study, _ in self._search("studies", {"StudyDate": query.study_date, "ModalitiesInStudy": query.modality}):
            wanted = {"Modality": query.modality, "BodyPartExamined": query.body_part}
            for series, described in self._search("series", wanted, study):
                if _differs(described, "Modality", query.modality):
                    continue
                if _differs(described, "BodyPartExamined", query.body_part):
                    continue
                for uid, _ in self._search("instances", {}, study, series):
                    found.setdefault(uid, Instance(study=study, series=series, uid=uid))
                step(len(found))
        return list(found.values())

    def retrieve(self, instance: Instance) -> bytes:
        """The DICOM file. Raises InstanceError; PacsError when it is not for this image alone."""
        for _ in range(2):  # once more when it was cut off on its way
            try:
                dataset = self._ask(
                    partial(self._client.retrieve_instance, instance.study, instance.series, instance.uid)
                )
            except _RefusedError as error:
                if error.status in (404, 410):
                    raise InstanceError("missing") from error
                raise error.in_words() from error
            except _DamagedError:
                continue
            if str(dataset.get("SOPInstanceUID", "")) == instance.uid:
                return _as_file(dataset)
        raise InstanceError("damaged")

    def _search(self, kind: str, wanted: dict[str, str], *above: str) -> Iterator[tuple[str, Dataset]]:
        """UID and description of each, page by page, until nothing new comes."""
        keyword = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}[kind]
        filters = {name: value for name, value in wanted.items() if value}
        search = getattr(self._client, f"search_for_{kind}")
        fields = {"fields": ["BodyPartExamined"]} if kind == "series" else {}
        seen: set[str] = set()
        while True:
            asked: dict[str, Any] = {"limit": PAGE, "offset": len(seen), "search_filters": filters, **fields}
            try:
                answer = self._ask(partial(search, *above, **asked))
            except _RefusedError as error:
                raise error.in_words() from error
            except _DamagedError as error:
                raise PacsError("The PACS answered a search with something that is not DICOMweb.") from error
            with _without_warnings():
                described = [Dataset.from_json(one) for one in answer]
                page = [(str(one.get(keyword, "")), one) for one in described]
            new = [(uid, one) for uid, one in page if UID.fullmatch(uid) and uid not in seen]
            yield from new
            seen.update(uid for uid, _ in new)
            if not new or len(page) < PAGE:
                return

    def _ask(self, request: Callable[[], Any]) -> Any:
        """What the client says, without what its errors say: they have addresses in them."""
        try:
            with _without_warnings():
                return request()
        except self._errors as error:
            response = getattr(error, "response", None)
            if response is not None:
                raise _RefusedError(response.status_code) from None
            if type(error).__name__ in ("ChunkedEncodingError", "ContentDecodingError", "JSONDecodeError"):
                raise _DamagedError from None
            raise PacsError(_unreachable(type(error).__name__)) from None
        except PacsError:
            raise
        except Exception as error:  # pydicom, and the client on parts that are cut off, raise nearly anything
            if type(error).__name__ == "RetryError":
                raise _RefusedError(503) from None
            raise _DamagedError from None


@contextmanager
def _without_warnings() -> Iterator[None]:
    """pydicom's quote the values that they find odd, and these may be names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _RefusedError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status

    def in_words(self) -> PacsError:
        if self.status in (401, 403):
            return PacsError(
                f"The PACS refuses access ({self.status}). Set DICOMWEB_USER and DICOMWEB_PASSWORD, or DICOMWEB_TOKEN, "
                "in the environment of the server, and ask the administrator of the PACS what this account may do."
            )
        if self.status == 503:
            return PacsError("The PACS is busy (503) and stays so. Start again later: it goes on where it stopped.")
        return PacsError(f"The PACS answers with an error ({self.status}). Check its address; then start again.")


class _DamagedError(Exception):
    pass


def _unreachable(kind: str) -> str:
    if kind == "SSLError":
        return (
            "The certificate of the PACS is not trusted. If your hospital signs its own, set DICOMWEB_CA_BUNDLE to the "
            "file of its certificates."
        )
    return (
        "The PACS does not answer. Check its address and the connection; start again, and it goes on where it stopped."
    )


def _differs(described: Dataset, keyword: str, wanted: str) -> bool:
    value = str(described.get(keyword) or "")
    return bool(wanted and value and value.strip().upper() != wanted)


def _as_file(dataset: Dataset) -> bytes:
    """As it came: values that nobody has asked for are written back unread."""
    file = io.BytesIO()
    try:
        with _without_warnings():
            dataset.save_as(file, enforce_file_format=True)
    except Exception as error:  # as above
        raise InstanceError("damaged") from error
    return file.getvalue()
