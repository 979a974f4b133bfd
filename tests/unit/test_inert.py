"""Text of others in Markdown: rendered by a real parser, it is text and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komando.plan import code, inert
from komando.plan.inert import _seen, fenced, short
from tests.unit.rendered import Page

ORDINARY = [
    "Dinas Kesehatan",
    "RSUD dr. Murjani",
    "Bagian Umum & Keuangan",
    "Dinas P3AP2KB (Perlindungan Anak), Kec. Mentawa Baru/Ketapang",
    "20 Mbit/s -> 30 Mbit/s, in the hours of working-week (Mon-Thu 07:00-15:30)",
    "at most 34.5 Mbit/s (Mon 2026-11-23 10:12), 95 % of the time up to 14.23 Mbit/s",
    "2026-11-24T08:00:07Z",
    "working-week: 2026-12-24 10.20.5.0/24, 2001:db8:1::/48 komando_nat",
    "Puskesmas Baamang I; 1.5 parts = the rest",
    "Sekolah é à 学校 مدرسة 🏥",
    "-5 %",
    "3 of 4.",
]

HOSTILE = [
    "*a*", "**a**", "_a_", "__a__", "***", "a*b*c", "~~a~~", "~a~", "`a`", "``a`", "`", "``` ```",
    "```", "~~~", "```diff", "    code", "\tcode", "# a", "## a ##", "#", "a #", "a\n===", "===",
    "---", "- - -", "***", "___", "- a", "+ a", "* a", "1. a", "1) a", "123456789. a", "- [ ] a",
    "[ ] a", "[x] a", "> a", ">> a", "> [!NOTE]", "| a | b |", "|---|---|", "a|b", "\\|", "\\\\|",
    ":-:|:-", ":--", "-:", "|", "||", "a\\", "\\", "\\*a\\*", "\\`a`", "a  ", "  a", "a  \nb",
    "[a](b)", "![a](b)", "[a][b]", "[a]: b", "[^1]", "[^1]: a", "[[a]]", "[a](<b>)", "]", "](b)",
    "<b>a</b>", "<img src=x onerror=a>", "<!-- a", "-->", "<!-- -->", "</details>", "</td>",
    "<script>a</script>", "<a@b.example>", "<https://b.example>", "<details>", "<?a?>",
    "<![CDATA[", "&lt;", "&#60;", "&#x3c;b&#x3e;", "&amp;lt;", "&copy;", "&nbsp;", "a & b;", "&",
    "&;", "@admin", "(@admin)", "a@b.example", "@org/team", "@", "cc:@a", "mailto:a@b.example",
    "_@a_", "#12", "(#12)", "GH-12", "gh-12", "o/r#12", "o#12", "o/r@0123456789abcdef",
    "GHSA-a-b-c", "0123456", "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", "(deadbee)",
    "x=deadbeef.", "#12#12", "http://b.example", "HTTPS://b.example/a_b_c", "www.b.example",
    "WWW.b.example", "ftp://b", "//b.example", "(www.b.example)", "javascript:alert(1)",
    "xmpp:a@b.example", "a:b@c.example", ":tada:", ":+1:", ":-1:", ":100:", "a:tada:b", ":a::b:",
    ":heavy_check_mark:", ":8ball:", "$a$", "$$a$$", "$`a`$", "$ $", "a$ `b` $c", "Rp$5 and $6",
    "`$", "$`", "\\$a\\$", "\\(a\\)", "a\u202eb", "\u2066a\u2069", "a\x00b", "\x1b[2J", "a\x7fb",
    "a\u200bb", "\u00ada", "\ufeffa", "a\u2028b", "a\r\nb", "a\nb", "a\u00a0b", "\u3164",
    "\u2800", "a\ufe0f", "\U000e0041", "\ud800", "{{a}}", "^a^", "==a==", "H~2~O", '"a"', "'a'",
    "a--b", "(c)", "...", "{+a+}", "|`|`|", "`|@`", "a`b@c`d|e``@", "`` @ ``", "@`", "`@", "$|$",
    "@|@", "\\@", "\\#12", "\\:tada:", "&#64;admin",
]  # fmt: skip

FRAMES = {
    "paragraph": ("{}", {"p"}),
    "heading": ("### {}", {"h3"}),
    "headed": ("### 🛑 production: {}", {"h3"}),
    "item": ("- {}", {"ul", "li"}),
    "nested": ("- a\n  - {}\n  - b", {"ul", "li"}),
    "bold": ("**{}**", {"p", "strong"}),
    "bold item": ("- **{}** changes", {"ul", "li", "strong"}),
    "quote": ("> **Note**: {}", {"blockquote", "p", "strong"}),
    "link": ("[{}](https://forge.example/a#L1)", {"p", "a"}),
    "cell": (
        "| a | b |\n|---|---|\n| {} | **{}** |\n| c | d |",
        {"table", "thead", "tbody", "tr", "th", "td", "strong"},
    ),
}
ANY_TEXT = st.text(
    st.one_of(
        st.sampled_from("\\`*_<>[]|#~&@$:!-+=. \n\t()/1ab;^{}\u202e"), st.characters(codec=None)
    ),
    max_size=40,
)
WRITTEN = ANY_TEXT.filter(lambda text: _seen(text).strip(" ") != "")


def spaced(text: str) -> str:
    """As a screen shows it: spaces in a row are one."""
    return re.sub("[ \n]+", " ", text).strip(" \n")


def held(frame: str, text: str) -> None:
    shape, elements = FRAMES[frame]
    page = Page(shape.replace("{}", inert(text)))
    bare = Page(shape.replace("{}", "x"))
    assert set(page.elements) - {"code"} <= elements, page.html
    assert page.interpreted() == [], page.html
    assert page.unbalanced == []
    for element in elements:
        assert page.elements[element] == bare.elements[element], page.html
    if frame == "cell":
        assert [len(row) for row in page.rows] == [2, 2, 2], page.html
        assert [spaced(cell) for cell in page.rows[1]] == [spaced(_seen(text))] * 2, page.html
    else:
        assert spaced(page.text) == spaced(bare.text.replace("x", _seen(text), 1)), page.html


@pytest.mark.parametrize("frame", FRAMES)
def test_hostile_text_is_shown_and_not_read(frame: str) -> None:
    assert len(HOSTILE) > 100
    for text in HOSTILE:
        held(frame, text)


@pytest.mark.parametrize(
    "text",
    ["*a*", "[a](b)", "<b>a</b>", "&lt;", "~~a~~", "| a |\n|---|", "http://b.example", "$a$",
     "a@b.example", "@admin", "#12", "GH-12", "deadbee", ":tada:", "www.b.example", "# a", "```"],
)  # fmt: skip
def test_as_it_is_it_would_be_read(text: str) -> None:
    page = Page(text)
    assert page.elements != {"p": 1} or page.interpreted() or page.text.strip() != text


@settings(max_examples=400)
@given(frame=st.sampled_from(sorted(FRAMES)), text=WRITTEN)
def test_any_text_is_shown_and_not_read(frame: str, text: str) -> None:
    held(frame, text)


@given(text=WRITTEN)
def test_any_text_is_code_in_a_cell_and_out_of_it(text: str) -> None:
    page = Page(f"| a |\n|---|\n| {code(text)} |\n\na {code(text)} b")
    assert page.elements["table"] == 1
    assert set(page.elements) <= {"table", "thead", "tbody", "tr", "th", "td", "p", "code"}
    assert spaced(page.rows[1][0]) == spaced(_seen(text))
    assert spaced(page.text).endswith(spaced(f"a {_seen(text)} b"))
    assert page.interpreted() == []


@given(lines=st.lists(ANY_TEXT.map(lambda text: text.replace("\n", "")), max_size=5))
def test_any_lines_stay_in_their_fence(lines: list[str]) -> None:
    opening, shown, closing = fenced(lines, "diff")
    page = Page("\n".join(("before", "", opening, *shown, closing, "", "after")))
    assert page.elements == {"p": 2, "pre": 1, "code": 1}
    assert page.text.split("\n")[1 : 1 + len(shown)] == list(shown)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert inert(text).replace("`", "") == text
    assert "`" not in inert(text) or ":db8:" in text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Ask @admin of #12", "Ask `@admin` of `#12`"),
        ("*Dinas* [a](b)", "\\*Dinas\\* \\[a\\](b)"),
        ("a\u202eb\n", "a\\<U+202E>b\\<U+000A>"),
        ("1. Dinas", "1\\. Dinas"),
        ("costs $5", "costs ` $5 `"),
        ("a|@b", "a\\|`@b`"),
        ("a@b]: c", "`a@b`\\]: c"),
    ],
)
def test_how_it_is_written(text: str, written: str) -> None:
    assert inert(text) == written


def test_a_long_text_says_how_long_it_is() -> None:
    assert short("a" * 300) == "a" * 300
    assert short("a" * 3_000, 4) == "aaaa... (3,000 characters)"
