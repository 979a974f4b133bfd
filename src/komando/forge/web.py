"""Questions to one REST API over HTTP: bounded waits, one host alone, and answers that are models.

The token goes into one header of requests to that host. It stands in no message.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from pydantic import BaseModel, TypeAdapter, ValidationError
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util import Retry

from komando.diagnostics import printable
from komando.forge.model import ForgeError, RefusedError

TIMEOUT = (10.0, 30.0)
"""Seconds for a connection, and for each silence while an answer comes."""

PATIENCE = 60.0
"""Seconds that one question may wait where the forge asks for it (Retry-After, rate limits)."""

MOST_PAGES = 100
"""Pages of one list; past them something is not as it should be."""

MOST_REDIRECTS = 3
"""A repository that was renamed takes one."""

A = TypeVar("A", bound=BaseModel)
Parameters = Mapping[str, str | int]


class _Bearer(AuthBase):
    """The token as a header, set after ~/.netrc would have been looked at."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Web:
    """One API, asked with one token.

    Raises ForgeError for an address or a token that cannot be one.
    """

    def __init__(self, api: str, token: str, headers: Mapping[str, str]) -> None:
        """`api` is https, or http to this machine: the token would be read on the way."""
        self.api = api.rstrip("/")
        self._origin = _origin(self.api)
        scheme, host, _ = self._origin
        here = host in {"127.0.0.1", "::1", "localhost"}
        if not host or "@" in self.api or not (scheme == "https" or (scheme == "http" and here)):
            raise ForgeError(
                f"{_shown(self.api.rpartition('@')[2])} is no address of a forge's API: it begins "
                "with https:// and a host"
            )
        if not token or not all("!" <= letter <= "~" for letter in token):
            raise ForgeError("the forge's token is none: it is one word of ASCII characters")
        self._session = requests.Session()
        self._session.trust_env = not here  # no proxy on the way to this machine itself
        self._session.auth = _Bearer(token)
        self._session.headers.update(headers)
        again = Retry(
            total=3,
            backoff_factor=0.3,
            status_forcelist=(500, 502, 503, 504),
            allowed_methods=("GET", "PATCH"),  # a POST may have been done all the same
            raise_on_status=False,
            respect_retry_after_header=False,  # it has no bound there; ours has
        )
        self._session.mount(f"{scheme}://", HTTPAdapter(max_retries=again))
        self.last: Mapping[str, str] = {}
        """The headers of the last answer."""

    def one(self, model: type[A], path: str, right: str) -> A:
        """The object at a path below the API."""
        return _read(model, self._ask("GET", path, right), path)

    def all(
        self, model: type[A], path: str, right: str, *, within: str = "", **parameters: str | int
    ) -> list[A]:
        """The whole list at a path, over all its pages; `within` is the key that it stands under.

        `right` is named where the forge refuses: what the token needs for it.
        """
        found: list[A] = []
        address, asked = path, {"per_page": 100, **parameters}
        for _ in range(MOST_PAGES):
            answer = self._ask("GET", address, right, parameters=asked)
            found += _read_all(model, answer, path, within)
            address, asked = answer.links.get("next", {}).get("url", ""), {}
            if not address:
                return found
        raise ForgeError(f"{path} has more than {MOST_PAGES} pages, and is not read to its end")

    def send(
        self, model: type[A], method: str, path: str, right: str, content: Mapping[str, object]
    ) -> A:
        """Write something (POST, or PATCH), and the object that comes of it."""
        return _read(model, self._ask(method, path, right, content=content), path)

    def _ask(
        self,
        method: str,
        path: str,
        right: str,
        *,
        parameters: Parameters | None = None,
        content: Mapping[str, object] | None = None,
    ) -> requests.Response:
        address = path if "://" in path else f"{self.api}/{path}"
        waited, turns = 0.0, 0
        while True:
            answer = self._once(method, address, parameters, content)
            if answer.is_redirect and turns < MOST_REDIRECTS:
                address, parameters, turns = urljoin(address, _target(answer)), None, turns + 1
                if answer.status_code in (301, 302, 303) and method != "GET":
                    raise ForgeError(f"{path} has moved to {_shown(address)}: write there")
                continue
            pause = _pause(answer)
            if pause is None:
                return _good(answer, path, right)
            if waited + pause > PATIENCE:
                raise ForgeError(
                    f"the forge takes no more questions for {pause:.0f} s ({path}): its limit for "
                    "this token is used up"
                )
            time.sleep(pause)
            waited += pause

    def _once(
        self,
        method: str,
        address: str,
        parameters: Parameters | None,
        content: Mapping[str, object] | None,
    ) -> requests.Response:
        if _origin(address) != self._origin:
            raise ForgeError(
                f"the forge sends us to another host, {_shown(address)}: no token goes there"
            )
        try:
            answer = self._session.request(
                method,
                address,
                params=parameters,
                json=content,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise ForgeError(f"{self.api} could not be asked: {_reason(error)}") from error
        self.last = answer.headers
        return answer


def _origin(address: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(address)
        standard = {"https": 443, "http": 80}.get(parts.scheme)
        return parts.scheme, parts.hostname or "", parts.port or standard
    except ValueError:
        return "", "", None


def _shown(address: str) -> str:
    """An address without a query, in which there may be more than is to be told."""
    return printable(address.partition("?")[0])[:200]


def _target(answer: requests.Response) -> str:
    return str(answer.headers.get("Location", ""))


def _reason(error: requests.RequestException) -> str:
    """What went wrong in a few words, without the address that these errors carry along."""
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None) or inner or error
    words = str(reason).rpartition(": ")[2] if isinstance(reason, Exception) else str(reason)
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return printable(words)[:200] or type(error).__name__


def _pause(answer: requests.Response) -> float | None:
    """Seconds after which the forge wants to be asked again; None where it has answered.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    if answer.status_code not in (403, 429):
        return None
    if (after := answer.headers.get("Retry-After", "")).isdecimal():
        return float(after)
    reset = answer.headers.get("X-RateLimit-Reset", "")
    if answer.headers.get("X-RateLimit-Remaining") == "0" and reset.isdecimal():
        return max(1.0, float(reset) - _now(answer).timestamp())
    return PATIENCE if answer.status_code == 429 else None


def _now(answer: requests.Response) -> datetime:
    """The forge's own clock, by which its limits end."""
    try:
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)


def _good(answer: requests.Response, path: str, right: str) -> requests.Response:
    status, said = answer.status_code, _said(answer)
    if status in (401, 403, 404):
        raise RefusedError(_refusal(status, said, path, right), status, said)
    if not 200 <= status < 300:
        raise ForgeError(f"the forge answered {path} with {status} ({said})")
    return answer


def _refusal(status: int, said: str, path: str, right: str) -> str:
    if status == 401:
        return f"the forge does not know this token, or it has ended ({said})"
    if status == 403:
        return f"the forge refuses {path} ({said}): the token needs {right}"
    return (
        f"the forge has no {path} for this token ({said}): either it does not stand, or the token "
        f"needs {right}"
    )


def _said(answer: requests.Response) -> str:
    """The forge's own words, on one line."""
    try:
        words = answer.json()["message"]
    except (ValueError, LookupError, TypeError):
        words = answer.reason or "no reason"
    return printable(" ".join(str(words).split()))[:200]


def _read(model: type[A], answer: requests.Response, path: str) -> A:
    try:
        return model.model_validate(_content(answer, path))
    except ValidationError as error:
        raise _unlike(error, path) from error


def _read_all(model: type[A], answer: requests.Response, path: str, within: str) -> list[A]:
    content = _content(answer, path)
    if within:
        content = content.get(within) if isinstance(content, dict) else None
    try:
        return TypeAdapter(list[model]).validate_python(content)  # type: ignore[valid-type]
    except ValidationError as error:
        raise _unlike(error, path, within) from error


def _content(answer: requests.Response, path: str) -> Any:
    try:
        return answer.json()
    except (ValueError, json.JSONDecodeError) as error:
        raise ForgeError(f"the forge answered {path} with what is no JSON") from error


def _unlike(error: ValidationError, path: str, within: str = "") -> ForgeError:
    """An answer that is not as documented, by its first fault."""
    fault = error.errors(include_input=False, include_url=False)[0]
    where = ".".join([*([within] if within else []), *map(str, fault["loc"])]) or "the whole of it"
    return ForgeError(
        f"the forge answered {path} with what cannot be understood: {where}: {fault['msg'].lower()}"
    )
