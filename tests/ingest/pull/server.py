"""An API on loopback that counts what it is asked, and fails where a test tells it to."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

TOKEN = "tok-7f3a91c5e2-only-in-the-environment"


@dataclass(frozen=True)
class Call:
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]


@dataclass
class Answer:
    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """`kind` is status (an answer of that status), drop (no answer), half (cut off) or html (a proxy's page)."""

    kind: str = "drop"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1


class Desk(Protocol):
    """The helpdesk behind the API."""

    url: str

    def answer(self, call: Call) -> Answer: ...


@dataclass
class Server:
    """The API as a test sees it. Faults strike by the number of the call, from 0, or by what its path looks like."""

    desk: Desk
    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    log: list[Call] = field(default_factory=list)
    by_number: dict[int, Fault] = field(default_factory=dict)
    by_path: dict[str, Fault] = field(default_factory=dict)
    broken_from: int | None = None
    """From this call on nothing is answered, as if the network were gone."""
    on_call: Callable[[Call], None] = lambda call: None
    impatient: int = 0
    """Calls that came before the time that a 429 had asked for."""
    not_before: float = 0.0
    tokens: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, call: Call, authorization: str) -> tuple[Answer, Fault | None]:
        """Note a call, and give its answer and what goes wrong with it."""
        with self.lock:
            number = len(self.log)
            self.log.append(call)
            self.calls[re.sub(r"\d+", "N", call.path)] += 1
            self.tokens[_token(authorization)] += 1
            self.impatient += time.monotonic() < self.not_before
            fault = self.fault(number, call)
        self.on_call(call)
        if fault is None and _token(authorization) != TOKEN:
            fault = Fault("status", 401)
        if fault is None or fault.kind == "half":
            return self.desk.answer(call), fault
        return Answer({"error": "as told", "description": "SECRET BODY"}, fault.status, fault.headers), fault

    def fault(self, number: int, call: Call) -> Fault | None:
        if self.broken_from is not None and number >= self.broken_from:
            return Fault("drop")
        found = [self.by_number.get(number), *(f for path, f in self.by_path.items() if re.search(path, call.path))]
        for fault in found:
            if fault is not None and fault.times > 0:
                fault.times -= 1
                return fault
        return None


@contextmanager
def serving(desk: Desk) -> Iterator[Server]:
    server = Server(desk)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = Call(self.command, parts.path, dict(parse_qsl(parts.query)), json.loads(body) if body else {})
            self._write(*server.take(call, self.headers.get("Authorization", "")))

        def _write(self, answer: Answer, fault: Fault | None) -> None:
            if fault is not None and fault.kind == "drop":
                self.close_connection = True
                return
            if "Retry-After" in answer.headers:
                server.not_before = time.monotonic() + float(answer.headers["Retry-After"])
            is_html = fault is not None and fault.kind == "html"
            text = b"<html>a proxy</html>" if is_html else json.dumps(answer.body).encode()
            self.send_response(200 if is_html else answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if fault is not None and fault.kind == "half":
                self.close_connection = True
                text = text[: len(text) // 2]
            self.wfile.write(text)

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.url = desk.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def _token(header: str) -> str:
    """Take the token out of either kind of authorization."""
    kind, _, value = header.partition(" ")
    if kind != "Basic":
        return value
    first, _, second = base64.b64decode(value).decode().partition(":")
    return second if first.endswith("/token") else first
