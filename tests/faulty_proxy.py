"""A proxy on 127.0.0.1 before a real server, that does to single requests what networks and busy servers do."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self

import httpx

Fault = Literal["lose the request", "lose the answer", "cut the answer", "busy", "broken", "too many"]
_STATUS = {"busy": 503, "broken": 500, "too many": 429}
_HOP = {"connection", "content-length", "transfer-encoding", "content-encoding", "host", "keep-alive"}


@dataclass(slots=True)
class Rule:
    """What happens to the first ``times`` requests with a ``METHOD path`` of ``pattern``, ``after`` so many passed."""

    pattern: str
    fault: Fault | Callable[[], None]
    times: int = 1
    after: int = 0


@dataclass(slots=True)
class FaultyProxy:
    """A context manager; ``url`` stands for the server's. ``seen`` lists the requests, ``METHOD path``."""

    target: str
    rules: list[Rule] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None
    _client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=120))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fault(self, request: str) -> Fault | Callable[[], None] | None:
        with self._lock:
            self.seen.append(request)
            for rule in self.rules:
                if rule.times and re.search(rule.pattern, request):
                    if rule.after:
                        rule.after -= 1
                        continue
                    rule.times -= 1
                    return rule.fault
        return None

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self._client.close()


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            fault = proxy.fault(f"{self.command} {self.path}")
            if callable(fault):
                fault()
            elif fault == "lose the request":
                return self.hang_up()
            elif fault in _STATUS:
                return self.send(_STATUS[fault], {"retry-after": "1"}, b'{"detail": "injected"}')
            headers = {key: value for key, value in self.headers.items() if key.lower() not in _HOP}
            response = proxy._client.request(self.command, proxy.target + self.path, headers=headers, content=body)
            if fault == "lose the answer":
                return self.hang_up()
            kept = {key: value for key, value in response.headers.items() if key.lower() not in _HOP}
            return self.send(response.status_code, kept, response.content, half=fault == "cut the answer")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def send(self, status: int, headers: dict[str, str], content: bytes, *, half: bool = False) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if half else content)
            if half:
                self.hang_up()

        def hang_up(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
