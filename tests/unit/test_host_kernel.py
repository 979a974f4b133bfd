"""What the kernel's tools say, asked many things at once."""

from __future__ import annotations

import pytest

from komando.host.kernel import CommandError, answers
from komando.host.tables import _cut_out

OURS = "table inet shaper {\n\tchain post {\n\t\treturn\n\t}\n}\n"
EMPTY = "table ip komando_nat {\n}\n"
OTHERS = """\
# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip shaper {
\tcomment "table inet shaper {"
}
table inet shaper2 {
}
"""


def tool(script: str) -> list[str]:
    """A tool that is given `-batch -` and lines, or the words of one line."""
    return ["sh", "-c", script, "tool"]


def test_each_line_of_a_batch_has_its_answer() -> None:
    said = answers(tool('while read -r line; do echo "[\\"$line\\"]"; done'), ["a b", "c"])
    assert said == [["a b"], ["c"]]


def test_where_a_line_has_no_answer_each_is_asked_for_itself() -> None:
    script = 'case "$*" in "-batch -") echo [1];; "show b") ;; *) echo "[\\"$2\\"]";; esac'
    assert answers(tool(script), ["show a", "show b", "show c"]) == [["a"], [], ["c"]]


@pytest.mark.parametrize("script", ["echo '[1'", "echo '[1] oops'", "echo no >&2; exit 1"])
def test_what_is_no_answer_is_an_error(script: str) -> None:
    with pytest.raises(CommandError, match="no"):
        answers(tool(script), ["a"])


@pytest.mark.parametrize("before", ["", OTHERS])
@pytest.mark.parametrize("after", ["", OTHERS])
def test_a_table_is_cut_out_of_those_of_others(before: str, after: str) -> None:
    whole = before + OURS + EMPTY + after
    assert _cut_out(whole, "inet", "shaper") == OURS
    assert _cut_out(whole, "ip", "komando_nat") == EMPTY
    assert _cut_out(whole, "inet", "komando_guard") == ""
    assert _cut_out(before + after, "inet", "shaper") == ""
