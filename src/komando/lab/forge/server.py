"""The lab's forge over HTTP: loopback alone, while somebody has use for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from komando.lab.forge.routes import Asked, Reply, Turned, answered
from komando.lab.forge.state import Token
from komando.lab.forge.store import Store

HOST = "127.0.0.1"
PER_PAGE = 30
MOST_PER_PAGE = 100


@dataclass(frozen=True)
class Fault:
    """An answer that is given in place of the right one, once."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


@dataclass(frozen=True)
class Served:
    """A server that is up: its address, the next faults, and what it was asked.

    `asked` has each request's method and path with its query; no header.
    """

    url: str
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(store: Store) -> Iterator[Served]:
    """Serve a forge at a free port of this machine until the block ends."""
    server = _Server((HOST, 0), _Question)
    served = Served(f"http://{HOST}:{server.server_port}")
    server.store, server.served = store, served
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    store: Store
    served: Served


class _Question(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 30

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is theirs
        """Keep silent: what was asked stands in `asked`."""

    def _answer(self) -> None:
        served = self.server.served
        served.asked.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if served.faults:
            fault = served.faults.pop(0)
            self._reply(fault.status, fault.headers, fault.body)
            return
        try:
            token = self._token()
            self._good(token, answered(self.command, self._path, self._asked(token, body)))
        except Turned as turned:
            content = {"message": turned.words, "status": str(turned.status)}
            self._reply(turned.status, {}, json.dumps(content).encode())

    def _token(self) -> Token:
        """Whose token came with the question. Raises Turned."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        token = self.server.store.read().tokens.get(given)
        if token is None:
            raise Turned(401, "Bad credentials")
        return token

    @property
    def _path(self) -> str:
        return urlsplit(self.path).path

    @property
    def _query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query))

    def _asked(self, token: Token, body: bytes) -> Asked:
        try:
            content = json.loads(body) if body else {}
        except ValueError:
            raise Turned(400, "Problems parsing JSON") from None
        store = self.server.store
        web = f"{self.server.served.url}/{store.read().repository}"
        return Asked(store, token, web, {}, self._query, content)

    def _good(self, token: Token, reply: Reply) -> None:
        headers = {}
        if token.ends is not None:
            headers["github-authentication-token-expiration"] = (
                f"{token.ends:%Y-%m-%d %H:%M:%S} UTC"
            )
        content = reply.content
        if isinstance(content, list):
            content, link = self._page(content, reply.cursor)
            headers |= {"Link": link} if link else {}
            if reply.within:
                content = {"total_count": len(reply.content), reply.within: content}
        self._reply(reply.status, headers, json.dumps(content).encode())

    def _page(self, content: list[Any], cursor: str) -> tuple[list[Any], str]:
        """One page of a list, and the header that says where the next one is."""
        query = self._query
        size = min(int(query.get("per_page", PER_PAGE)), MOST_PER_PAGE)
        page = int(query.get(cursor, 1))
        rest = content[page * size :]
        where = urlencode({**query, cursor: str(page + 1)})
        link = f'<{self.server.served.url}{self._path}?{where}>; rel="next"' if rest else ""
        return content[(page - 1) * size : page * size], link

    def _reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
