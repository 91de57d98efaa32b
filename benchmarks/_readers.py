"""Many readers without browsers: the load of `reading_load.py`, in a process of its own that knows neither Django nor
the database.

Reads a plan as JSON from standard input, writes what it saw as JSON to standard output. Each reader does what the page
does: attends, fetches its image and the one ahead, then answers one image at each interval and fetches the next one
ahead. Connections are kept open as a browser keeps them, and a request on a connection that the server had closed
meanwhile is sent again on a new one.
"""

import asyncio
import json
import random
import sys
import time
import uuid

CSRF = "c" * 32
GIVE_UP_S = 15.0  # as the page


class RequestError(Exception):
    """A request that did not succeed; the text says how."""


class Connection:
    """One connection of one reader, opened when needed."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port = port
        self.headers = (
            f"Host: 127.0.0.1\r\nCookie: sessionid={cookie}; csrftoken={CSRF}\r\n"
            f"X-CSRFToken: {CSRF}\r\nContent-Type: application/json\r\n"
        )
        self.attendance = ""
        self.stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.opened = 0

    async def request(self, method: str, path: str, body: dict | None = None) -> tuple[bytes, float]:
        """Content, and seconds from sending to its last byte. Raises RequestError."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self.headers}X-Attendance: {self.attendance}\r\n"
        message = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
        began = time.perf_counter()
        try:
            async with asyncio.timeout(GIVE_UP_S):
                status, answer = await self._exchange(message)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            raise RequestError(f"{type(error).__name__}") from error
        if status != 200:
            raise RequestError(f"status {status}: {answer[:200]!r}")
        return answer, time.perf_counter() - began

    async def _exchange(self, message: bytes) -> tuple[int, bytes]:
        kept = self.stream is not None
        if self.stream is None or self.stream[0].at_eof():
            await self._open()
            kept = False
        try:
            return await self._send(message)
        except (ConnectionError, asyncio.IncompleteReadError):
            if not kept:
                raise
            await self._open()
            return await self._send(message)

    async def _open(self) -> None:
        self.close()
        self.opened += 1
        self.stream = await asyncio.open_connection("127.0.0.1", self.port)

    async def _send(self, message: bytes) -> tuple[int, bytes]:
        assert self.stream is not None
        reader, writer = self.stream
        writer.write(message)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        _, found, rest = head.partition(b"\r\ncontent-length:")
        assert found, head
        answer = await reader.readexactly(int(rest.partition(b"\r\n")[0]))
        if b"\r\nconnection: close" in head:
            self.close()
        return status, answer

    def close(self) -> None:
        if self.stream is not None:
            self.stream[1].close()
            self.stream = None


class Reader:
    def __init__(self, plan: dict, session: str, cookie: str, values: list[str]) -> None:
        self.plan = plan
        self.root = f"/read/{session}"
        self.session = session
        self.values = values
        self.connection = Connection(plan["port"], cookie)
        self.random = random.Random(session)
        self.acknowledged: list[tuple[int, str, str, int]] = []  # position, value, key, reading time
        self.errors: list[str] = []
        self.times: dict[str, list[float]] = {"answer": [], "image": [], "current": []}

    async def read(self, start: float) -> None:
        interval = self.plan["interval"]
        due = start + self.random.random() * self.plan["arrival"]
        try:
            await asyncio.sleep(due - time.monotonic())
            content, _ = await self.connection.request("POST", f"{self.root}/attend", {})
            attended = json.loads(content)
            self.connection.attendance = attended["attendance"]
            state = attended["current"]
            await self._fetch(state["stimulus"])
            await self._fetch_ahead(state)
            while state["state"] == "reading":
                due += interval
                if due > start + self.plan["seconds"]:
                    return
                if self.random.random() < self.plan["baseline_share"]:
                    await asyncio.sleep(due - interval / 2 - time.monotonic())
                    _, took = await self.connection.request("GET", f"{self.root}/current")
                    self.times["current"].append(took)
                await asyncio.sleep(due - time.monotonic())
                state = await self._answer(state)
                await self._fetch_ahead(state)
        except RequestError as failure:
            self.errors.append(str(failure))  # and this reader stops: what follows would tell nothing new
        finally:
            self.connection.close()

    async def _answer(self, state: dict) -> dict:
        answer = {
            "token": state["token"],
            "value": self.random.choice(self.values),
            "idempotency_key": str(uuid.UUID(int=self.random.getrandbits(128), version=4)),
            "reading_ms": self.random.randrange(200, 4000),
            "hidden_ms": 0,
            "attendance": self.connection.attendance,
        }
        content, took = await self.connection.request("POST", f"{self.root}/answer", answer)
        self.times["answer"].append(took)
        stored = json.loads(content)
        self.acknowledged.append((stored["stored"], answer["value"], answer["idempotency_key"], answer["reading_ms"]))
        return stored["next"]

    async def _fetch_ahead(self, state: dict) -> None:
        if state["state"] == "reading" and state["ahead"]:
            await self._fetch(state["ahead"]["stimulus"])

    async def _fetch(self, path: str) -> None:
        content, took = await self.connection.request("GET", path)
        if len(content) != self.plan["image_bytes"]:
            raise RequestError(f"an image of {len(content)} bytes")
        self.times["image"].append(took)


async def read_all(plan: dict) -> dict:
    readers = [Reader(plan, session, cookie, plan["values"]) for session, cookie in plan["readers"]]
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.gather(*(reader.read(wall) for reader in readers))
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    return {
        "acknowledged": {reader.session: reader.acknowledged for reader in readers},
        "errors": [error for reader in readers for error in reader.errors],
        "times": {name: [took for reader in readers for took in reader.times[name]] for name in readers[0].times},
        "connections": sum(reader.connection.opened for reader in readers),
        "cpu_share": cpu / wall,
        "wall_s": wall,
    }


if __name__ == "__main__":
    json.dump(asyncio.run(read_all(json.load(sys.stdin))), sys.stdout)
