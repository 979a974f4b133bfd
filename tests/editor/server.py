"""yaml-language-server as an editor speaks to it: LSP 3.17 over its standard streams."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = ROOT / ".venv/node/node_modules/yaml-language-server/bin/yaml-language-server"

PATIENCE: Final = 120
"""Seconds after which a server that says nothing is ended, and the test with it."""


def settings_by_section(written: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as an editor hands them out: `{"yaml": {"schemaStore": {"enable": ...}}}`."""
    found: dict[str, Any] = {}
    for name, value in written.items():
        *above, last = [name] if name.startswith("[") else name.split(".")
        part = found
        for step in above:
            part = part.setdefault(step, {})
        part[last] = value
    return found


class LanguageServer:
    """A server at work on a folder, by an editor's settings; it may reach no network.

    What it would have reached stands in the file `log`, a line for each try.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], log: Path) -> None:
        self._settings = settings_by_section(settings)
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        self._asked = 0
        with log.open("w") as out:
            self._process = subprocess.Popen(
                ["node", "--require", ROOT / "tests/editor/no-network.cjs", PROGRAM, "--stdio"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                env={**os.environ, "NODE_OPTIONS": ""},
            )
        self._patience = threading.Timer(PATIENCE, self._process.kill)
        self._patience.start()
        uri = folder.as_uri()
        self.ask(
            "initialize",
            processId=os.getpid(),
            rootUri=uri,
            workspaceFolders=[{"uri": uri, "name": folder.name}],
            capabilities={
                "workspace": {"configuration": True, "workspaceFolders": True},
                "textDocument": {"hover": {"contentFormat": ["markdown"]}},
            },
        )
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings={})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._patience.cancel()
        self._process.kill()
        self._process.communicate()

    def open(self, file: Path, text: str | None = None) -> str:
        """Open a file, or one that is not saved yet, with its text; returns its URI."""
        uri = file.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1}
        document["text"] = file.read_text() if text is None else text
        self._tell("textDocument/didOpen", textDocument=document)
        return uri

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """What it says of an open file, once it has looked at it."""
        while uri not in self._diagnostics:
            self._hear()
        return self._diagnostics[uri]

    def labels(self, uri: str, line: int, character: int) -> list[str]:
        """What it offers at a place; lines and characters count from 0."""
        found = self._at("completion", uri, line, character)
        return [item["label"] for item in found["items"]]

    def hover(self, uri: str, line: int, character: int) -> str:
        """What it says of a place, as Markdown."""
        text: str = self._at("hover", uri, line, character)["contents"]["value"]
        return text

    def _at(self, what: str, uri: str, line: int, character: int) -> Any:
        place = {"line": line, "character": character}
        return self.ask(f"textDocument/{what}", textDocument={"uri": uri}, position=place)

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a request."""
        self._asked += 1
        number = self._asked
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._hear()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]

    def _tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        text = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(text), text))
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        """The next message; what the server asks of an editor is answered."""
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name == b"Content-Length":
                length = int(value)
        assert length, "the server has ended"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            sections = [item["section"] for item in message["params"]["items"]]
            answer = [self._settings.get(section) for section in sections]
            self._send({"id": message["id"], "result": answer})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})
        return message
