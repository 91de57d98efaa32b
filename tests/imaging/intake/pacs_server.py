"""A DICOMweb server for tests: QIDO-RS and WADO-RS over real HTTP, with the faults that a PACS and a network have."""

import base64
import io
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

BOUNDARY = "boundary-of-the-test"


@dataclass(frozen=True)
class Stored:
    study: str
    series: str
    uid: str
    date: str
    modality: str
    body_part: str
    data: bytes


@dataclass
class FakePacs:
    """What it holds, how it misbehaves, and what it was asked (`asked`: method and path, without the query)."""

    stored: list[Stored]
    url: str = ""
    account: tuple[str, str] | None = None  # who may come in; None: everybody
    busy: int = 0  # requests that are answered with 503 before the next one is served
    missing: set[str] = field(default_factory=set)  # of UIDs: 404
    cut_off: Counter = field(default_factory=Counter)  # UID -> how many times its answer breaks off
    half: set[str] = field(default_factory=set)  # of UIDs: a whole answer, as its length says, of half a file
    swapped: dict[str, str] = field(default_factory=dict)  # UID -> UID of the image that is sent in its place
    ignores_filters: bool = False
    ignores_offset: bool = False
    dies_after: int = -1  # images that are sent before it answers nothing but 500
    asked: list[str] = field(default_factory=list)

    @property
    def retrieved(self) -> int:
        return sum("/instances/" in path for path in self.asked)


def store(data: bytes, *, study: str = "") -> Stored:
    """With the identifiers of its header; a file that nobody can read gets some, as a damaged archive would have."""
    try:
        header = dcmread(io.BytesIO(data), stop_before_pixels=True)
        uid = str(header.SOPInstanceUID)
    except Exception:
        header, uid = Dataset(), generate_uid()
    return Stored(
        study=study or str(header.get("StudyInstanceUID") or generate_uid()),
        series=str(header.get("SeriesInstanceUID") or generate_uid()),
        uid=uid,
        date=str(header.get("StudyDate") or "20240115"),
        modality=str(header.get("Modality") or "DX"),
        body_part=str(header.get("BodyPartExamined") or ""),
        data=data,
    )


@contextmanager
def serving(pacs: FakePacs) -> Iterator[FakePacs]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"pacs": pacs}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    pacs.url = f"http://127.0.0.1:{server.server_port}/dicom-web"
    try:
        yield pacs
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    pacs: FakePacs
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written one after the other

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        pacs, parts = self.pacs, urlsplit(self.path)
        path = parts.path.removeprefix("/dicom-web")
        pacs.asked.append(path)
        if pacs.account is not None:
            wanted = base64.b64encode(":".join(pacs.account).encode()).decode()
            if self.headers.get("Authorization") != f"Basic {wanted}":
                return self._send(401)
        if pacs.busy:
            pacs.busy -= 1
            return self._send(503)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        found = re.fullmatch(r"/studies(?:/([0-9.]+)/(series)(?:/([0-9.]+)/(instances)(?:/([0-9.]+))?)?)?", path)
        if found is None:
            return self._send(404)
        study, _, series, _, uid = found.groups()
        if uid:
            return self._retrieve(uid)
        return self._search(query, study, series)

    def _search(self, query: dict[str, str], study: str | None, series: str | None) -> None:
        rows: dict[str, dict] = {}
        for one in self.pacs.stored:
            if study not in (None, one.study) or series not in (None, one.series) or not self._matches(one, query):
                continue
            if series:
                rows[one.uid] = {"00080018": {"vr": "UI", "Value": [one.uid]}}
            elif study:
                rows[one.series] = {
                    "0020000E": {"vr": "UI", "Value": [one.series]},
                    "00080060": {"vr": "CS", "Value": [one.modality]},
                    "00180015": {"vr": "CS", "Value": [one.body_part]} if one.body_part else {"vr": "CS"},
                }
            else:
                rows[one.study] = {"0020000D": {"vr": "UI", "Value": [one.study]}}
        start = 0 if self.pacs.ignores_offset else int(query.get("offset", 0))
        page = list(rows.values())[start : start + int(query.get("limit", 1000))]
        if not page:
            return self._send(204)
        return self._send(200, json.dumps(page).encode(), "application/dicom+json")

    def _matches(self, one: Stored, query: dict[str, str]) -> bool:
        if self.pacs.ignores_filters:
            return True
        first, _, last = query.get("StudyDate", "00000000-99999999").partition("-")
        if not first <= one.date <= (last or first):
            return False
        wanted = {"ModalitiesInStudy": one.modality, "Modality": one.modality, "BodyPartExamined": one.body_part}
        return all(query.get(name, value) == value for name, value in wanted.items())

    def _retrieve(self, uid: str) -> None:
        pacs = self.pacs
        if pacs.dies_after == 0:
            return self._send(500)
        pacs.dies_after -= 1
        sent = {one.uid: one for one in pacs.stored}.get(pacs.swapped.get(uid, uid))
        if sent is None or uid in pacs.missing:
            return self._send(404)
        head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        end = f"\r\n--{BOUNDARY}--\r\n".encode()
        body = head + (sent.data[: len(sent.data) // 2] if uid in pacs.half else sent.data + end)
        self.send_response(200)
        self.send_header("Content-Type", f'multipart/related; type="application/dicom"; boundary={BOUNDARY}')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if pacs.cut_off[uid] > 0:
            pacs.cut_off[uid] -= 1
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return None
        self.wfile.write(body)
        return None

    def _send(self, status: int, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
