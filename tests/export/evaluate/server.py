"""A chat-completions endpoint on loopback whose models say what a test wants, and which fails where one asks it to."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-test-71b2e9"
Body = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """`kind` is error (an HTTP status), drop (no answer at all), broken (the stream breaks off) or html."""

    kind: str = "error"
    status: int = 500
    code: str | None = None
    message: str = "something went wrong"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Endpoint:
    """What models say: a function of the request's body gives the words, or (words, calls of tools)."""

    models: dict[str, Callable[[Body], Any]] = field(default_factory=dict)
    losses: dict[str, Callable[[Body], float]] = field(default_factory=dict)  # models that can score
    faults: deque[Fault] = field(default_factory=deque)
    refuses: Callable[[Body], Fault | None] = lambda body: None
    streams: bool = True
    limit_name: str = "max_tokens"
    url: str = ""
    asked: list[Body] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    most_under_way: int = 0
    gate: threading.Event | None = None  # answers wait for it
    lock: threading.RLock = field(default_factory=threading.RLock)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: Endpoint

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        endpoint = self.endpoint
        with endpoint.lock:
            endpoint.calls[self.path] += 1
            endpoint.under_way += 1
            endpoint.most_under_way = max(endpoint.most_under_way, endpoint.under_way)
            fault = endpoint.faults.popleft() if endpoint.faults else endpoint.refuses(body)
        try:
            if endpoint.gate:
                endpoint.gate.wait(20)
            self._serve(body, fault)
        finally:
            with endpoint.lock:
                endpoint.under_way -= 1

    def _serve(self, body: Body, fault: Fault | None) -> None:
        if self.headers.get("authorization") != f"Bearer {KEY}":
            return self._send(401, {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}})
        if fault and fault.kind != "broken":
            return self._break(fault)
        if self.path.endswith("/chatmill/score"):
            return self._score(body)
        if body["model"] not in self.endpoint.models:
            error = {"message": "no such model", "code": "model_not_found", "param": "model"}
            return self._send(404, {"error": error})
        if body.get("stream") and not self.endpoint.streams:
            return self._send(400, {"error": {"message": "stream is not supported here", "param": "stream"}})
        if self.endpoint.limit_name not in body:
            words = f"Unsupported parameter: use '{self.endpoint.limit_name}' instead."
            return self._send(400, {"error": {"message": words, "param": "max_tokens"}})
        with self.endpoint.lock:
            self.endpoint.asked.append(body)
        said = self.endpoint.models[body["model"]](body)
        text, calls = said if isinstance(said, tuple) else (said, [])
        return self._stream(body, text, calls, fault) if body.get("stream") else self._whole(body, text, calls)

    def _score(self, body: Body) -> None:
        if body["model"] not in self.endpoint.losses:
            return self._send(404, {"error": {"message": "Invalid URL", "type": "invalid_request_error"}})
        told = [one for one in body["messages"] if one["role"] == "assistant" and one.get("weight", 1)]
        tokens = sum(len(one["content"].split()) for one in told)
        return self._send(200, {"tokens": tokens, "loss": self.endpoint.losses[body["model"]](body)})

    def _usage(self, body: Body, text: str) -> dict[str, int]:
        prompt = sum(len(str(one.get("content")).split()) for one in body["messages"])
        return {"prompt_tokens": prompt, "completion_tokens": len(text.split())}

    def _whole(self, body: Body, text: str, calls: list[Any]) -> None:
        message = {"role": "assistant", "content": text, "tool_calls": calls or None}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self._send(200, {"id": "c", "object": "chat.completion", "choices": [choice], "usage": self._usage(body, text)})

    def _stream(self, body: Body, text: str, calls: list[Any], fault: Fault | None) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        pieces = re.findall(r"\S+\s*|\s+", text)
        for number, piece in enumerate(pieces):
            if fault and number == len(pieces) // 2:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._event({"choices": [{"index": 0, "delta": {"content": piece}}]})
        for at, call in enumerate(calls):
            self._event({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": at, **call}]}}]})
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self._event({"choices": [], "usage": self._usage(body, text)})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, chunk: Body) -> None:
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"} | chunk
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def _break(self, fault: Fault) -> None:
        if fault.kind == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif fault.kind == "html":
            self._send(200, b"<html>a proxy</html>")
        else:
            self._send(fault.status, {"error": {"message": fault.message, "code": fault.code}}, fault.headers)

    def _send(self, status: int, body: Any, headers: Any = ()) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "text/html" if isinstance(body, bytes) else "application/json")
        self.send_header("content-length", str(len(raw)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


@contextmanager
def serving(endpoint: Endpoint) -> Iterator[Endpoint]:
    """Serve an endpoint on a free port of loopback for as long as the context lasts."""
    handler = type("Handler", (_Handler,), {"endpoint": endpoint})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield endpoint
    finally:
        if endpoint.gate:
            endpoint.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
