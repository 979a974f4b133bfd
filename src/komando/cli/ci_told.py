"""The result of an apply, under each pull request that it was of."""

from __future__ import annotations

from collections.abc import Iterable

from komando.cli.streams import tell
from komando.forge import Forge, ForgeError
from komando.ledger.entries import Request
from komando.plan.inert import inert

MOST = 4000
"""Characters of a result that are told: the whole stands in the job's log."""


def tell_requests(
    forge: Forge, requests: Iterable[Request], environment: str, how: str, words: str
) -> None:
    """Put the result under each request, in the place of an earlier one.

    A forge that does not take it is told on stderr, and changes nothing of what was done.
    """
    mark = f"<!-- komando:applied:{environment} -->"
    lines = words[:MOST].splitlines()
    body = "\n".join([mark, f"**{environment}: {how}**", "", *(f"- {inert(it)}" for it in lines)])
    for request in requests:
        try:
            forge.comment(request.number, mark, body + "\n")
        except ForgeError as error:
            tell(f"note: #{request.number} was not told: {error}", err=True)
