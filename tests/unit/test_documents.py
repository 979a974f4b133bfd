"""What the documents quote is what the code says today, and what they link to is there."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks.__main__ import BENCHMARKS
from komando.bundle import Bundle
from komando.cli import VERBS
from komando.cli.check import check
from komando.generation import INTENT, RunningGeneration
from komando.host.layout import Paths
from komando.host.standing import Standing
from komando.intent import Intent, compile_intent
from komando.inventory import load_inventory
from komando.plan import make_plan, text_lines
from komando.platforms.debian import render
from komando.policy import Policy, load_policy
from komando.units import about

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
README = (ROOT / "README.md").read_text()
LIFECYCLE = (ROOT / "docs/lifecycle.md").read_text()
RATE = (ROOT / "docs/runbooks/change-a-rate.md").read_text()
ADD = (ROOT / "docs/runbooks/add-an-office.md").read_text()
ADR_7 = (ROOT / "docs/adr/0007-observe-mode.md").read_text()

OFFICE = "dinas-kesehatan"
FILE = f"opd/{OFFICE}.yaml"
DAY, NIGHT = "six-days+working-week", "closed"
MOMENT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
"""A Tuesday, 10:00 in Sampit: all calendars are open."""

NEW = """\
id: {id}
name: A new office
networks: [10.20.{id}.0/24, "2001:db8:1{id}::/48"]
link: {{segment: metro, capacity: 100 Mbit/s, gateways: [172.20.1.{id}, "2001:db8:f000::1:{id}"]}}
calendar: working-week
guarantee: 10 Mbit/s
floor: 2 Mbit/s
mode: observe
justification: Nobody knows yet what it needs, so it is counted first.
"""


@dataclass(frozen=True)
class Made:
    """The repository's policies on their way to a router, perhaps edited."""

    policy: Policy
    intent: Intent
    bundle: Bundle

    def bits(self, profile: str, table: str, slug: str) -> int:
        """Downward, of a pool or a promise (`pools`, `shares`) in a profile."""
        found = self.intent.routers["core-1"].profile(profile)
        value: int = getattr(found, table)[slug].down.bits
        return value


@contextlib.contextmanager
def policies(folder: Path, edits: Mapping[str, tuple[str, str]]) -> Iterator[Path]:
    """A copy of the repository's policies as `policies` of the working folder, edited."""
    shutil.copytree(ROOT / "policies", folder / "policies", dirs_exist_ok=True)
    for file, (old, new) in edits.items():
        path = folder / "policies" / file
        text = path.read_text()
        assert text.count(old) == 1, (file, old)
        path.write_text(text.replace(old, new))
    with contextlib.chdir(folder):
        yield Path("policies")


def made(folder: Path, inventory: str, *, rate: int = 20) -> Made:
    """The policies with another guarantee of Dinas Kesehatan, for an inventory's router."""
    edit = ("guarantee: 20 Mbit/s", f"guarantee: {rate} Mbit/s")
    with policies(folder, {FILE: edit}) as path:
        return compiled(path, inventory)


def compiled(path: Path, inventory: str) -> Made:
    loaded = load_policy(path)
    assert loaded.policy is not None, loaded.diagnostics
    machines = load_inventory(ROOT / "inventories" / inventory)
    intent = compile_intent(loaded.policy, machines.divisor).intent
    assert intent is not None
    return Made(loaded.policy, intent, render(intent, machines.hosts["core-1"]))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Made]:
    """The lab's router before and after the edit that the documents tell of."""
    folders = [tmp_path_factory.mktemp("policies") for _ in range(2)]
    return made(folders[0], "lab"), made(folders[1], "lab", rate=30)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("policies"), "production")


@pytest.fixture(scope="module")
def plan(lab: tuple[Made, Made]) -> str:
    """The plan of that edit, as a terminal shows it; digests stand as `<digest>`."""
    before, after = lab
    running = RunningGeneration("core-1", before.bundle.digest, DAY, bundle=before.bundle)
    found = make_plan({"core-1": after.bundle}, {"core-1": running}, after.policy.where, MOMENT)
    out = io.StringIO()
    console = Console(file=out, highlight=False, soft_wrap=True, no_color=True)
    for line in text_lines(found, diff=False):
        console.print(line)
    text = out.getvalue()
    for one in (before, after):
        text = text.replace(one.bundle.digest[:12], "<digest>")
    return text


def blocks(document: str) -> list[str]:
    """The fenced blocks of a document, without the list's indentation."""
    found = re.findall(r"^( *)```\w*\n(.*?)^\1```$", document, re.MULTILINE | re.DOTALL)
    return [
        "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))
        for indent, text in found
    ]


def block(document: str, words: str) -> list[str]:
    """The lines of the one block that holds these words."""
    (found,) = (text for text in blocks(document) if words in text)
    return found.splitlines()


def assert_quoted(quoted: Iterable[str], real: str) -> None:
    """Each quoted line stands in the real text, in this order; `...` is what was left out."""
    rest = iter([line.strip() for line in real.splitlines()])
    for line in filter(None, map(str.strip, quoted)):
        pattern = ".*".join(map(re.escape, line.split("...")))
        assert any(re.fullmatch(pattern, one) for one in rest), f"not in the real text: {line}"


def assert_part(part: Any, whole: Any) -> None:
    """What `part` has, `whole` has with the same value."""
    if isinstance(part, dict):
        for key, value in part.items():
            assert_part(value, whole[key])
    else:
        assert part == whole


def checked(folder: Path, edits: Mapping[str, tuple[str, str]]) -> str:
    with policies(folder, edits):
        return CliRunner().invoke(check, ["--today", "2026-06-01"]).output


# --- README, and the line of a policy that docs/lifecycle.md follows -----------------------------


def test_the_plan_is_quoted(plan: str) -> None:
    assert_quoted(block(README, "What follows for the pools"), plan)
    assert_quoted(block(LIFECYCLE, "~ Dinas Kesehatan"), plan)


def test_as_many_classes_change_as_the_plan_says(plan: str) -> None:
    (each,) = re.findall(r"of \d+ classes (\d+) change in place", plan)
    line = f"core-1 runs <digest>: {2 * int(each)} classes changed in place"
    assert line in block(README, "core-1 runs")
    assert line in block(LIFECYCLE, "core-1 runs")


def test_what_check_says_is_quoted(tmp_path: Path) -> None:
    said = checked(tmp_path, {FILE: ("guarantee: 20 Mbit/s", "guarantee: 90 Mbit/s")})
    assert_quoted(block(README, "error[guarantee-above-ceiling]"), said)


def test_when_all_is_well_check_says_so(tmp_path: Path) -> None:
    said = checked(tmp_path, {}).strip()
    assert f"`{said}`" in README
    count = re.match(r"All is well: (\d+) offices", said)
    assert count is not None
    assert f"{count[1]} offices, five public points, one uplink of 1 Gbit/s" in README


def test_the_policy_is_quoted() -> None:
    written = (ROOT / "policies" / FILE).read_text().splitlines()
    plain = "\n".join(line.partition("#")[0] for line in written)
    assert_quoted(block(LIFECYCLE, "calendar: working-week"), plain)
    assert written[13].startswith("guarantee: 20 Mbit/s")


def test_the_intent_is_quoted(production: Made) -> None:
    whole = json.loads(production.bundle.text(INTENT))
    real = {one["slug"]: one for one in whole["leaves"]}
    real |= {one["name"]: one for one in whole["profiles"]}
    text = "".join(block(LIFECYCLE, '"shares"')).replace(", ...", "").replace("}{", "}\n{")
    quoted = [json.loads(line) for line in text.splitlines()]
    assert [one.get("slug") or one["name"] for one in quoted] == [OFFICE, DAY, NIGHT]
    for one in quoted:
        assert_part(one, real[one.get("slug") or one["name"]])


def test_the_files_of_the_bundle_are_quoted(production: Made) -> None:
    real = ""
    for line in filter(None, block(LIFECYCLE, "# etc/komando/tc/download.tc")):
        if line.startswith("# etc/"):
            real = production.bundle.text(line[2:].partition(":")[0])
        else:
            assert line in map(str.strip, real.splitlines())


def test_the_answer_of_a_host_is_quoted(tmp_path: Path) -> None:
    text = "".join(block(LIFECYCLE, '"asked_from"'))
    assert list(json.loads(text)) == list(Standing(Paths(tmp_path)).observe(None))


def test_the_classes_of_the_kernel_are_quoted(lab: tuple[Made, Made]) -> None:
    """As tc shows what was rendered: in other units, with bursts that the kernel has rounded."""
    bundle = lab[1].bundle
    rendered = bundle.text("etc/komando/tc/download.tc").splitlines()
    rendered += bundle.text(f"etc/komando/tc/profiles/{DAY}.down.tc").splitlines()
    units = {"bit": 1, "Kbit": 10**3, "Mbit": 10**6, "b": 1, "Kb": 1024}
    shown = block(LIFECYCLE, "class htb 1:414")[1:]
    assert len(shown) == 2
    for line in shown:
        number = line.split()[2]
        real = [one for one in rendered if f"classid {number} " in one][-1]
        for key, value, unit in re.findall(r"(rate|ceil|c?burst) (\d+)(\w+)", line):
            want = re.search(rf" {key} (\d+)b", real)
            assert want is not None
            assert int(value) * units[unit] == pytest.approx(int(want[1]), rel=2e-3), key


def test_what_is_said_to_be_promised_is(lab: tuple[Made, Made]) -> None:
    rows = re.findall(r"^\| (before|after), \w+ \| (.+?) \|", LIFECYCLE, re.MULTILINE)
    assert len(rows) == 3
    for when, words in rows:
        router = lab[when == "after"].intent.routers["core-1"]
        assert about(router.profile(DAY).shares[OFFICE].down) == words


def test_the_table_of_commands_has_every_verb() -> None:
    assert set(re.findall(r"^\| `komando ([\w-]+)", README, re.MULTILINE)) == set(VERBS)


def test_every_benchmark_has_its_row() -> None:
    text = (ROOT / "benchmarks/README.md").read_text()
    what = text.partition("| id | ours | peer |\n")[2].partition("\n\n")[0]
    named = " ".join(re.findall(r"^\| (.+?) \|", what, re.MULTILINE))
    assert set(re.findall(r"`([a-z0-9.]+)`", named)) == set(BENCHMARKS)


def test_the_layers_are_those_that_the_linter_holds() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = (
        one for one in settings["tool"]["importlinter"]["contracts"] if "exhaustive" in one
    )
    held = [set(re.findall(r"\w+", one)) for one in contract["layers"]]
    (told,) = re.findall(
        r"^A lower layer never imports a higher one: (.*?)\.", README, re.MULTILINE
    )
    assert [set(re.findall(r"\w+", one)) for one in told.split("/")] == held[::-1]


# --- runbooks ------------------------------------------------------------------------------------


def test_the_objections_are_quoted(tmp_path: Path) -> None:
    said = checked(tmp_path, {FILE: ("guarantee: 20 Mbit/s", "guarantee: 75 Mbit/s")})
    assert_quoted(block(RATE, "error[sums-uplink]"), said)
    texts = (ROOT / "tests/errors" / name / "expected.txt"
             for name in ("guarantee-above-ceiling", "guarantee-above-link"))  # fmt: skip
    shown = "\n".join(text.read_text() for text in texts)
    for line in block(RATE, "error[guarantee-above-link]"):
        assert line in shown


def test_the_exception_that_is_shown_holds(tmp_path: Path) -> None:
    shown = "\n".join(block(RATE, "exceptions:"))
    said = checked(tmp_path, {FILE: ("request:\n", f"{shown}\nrequest:\n")})
    assert said.startswith("All is well")


def test_a_new_office_takes_from_the_public_what_is_said(tmp_path: Path, production: Made) -> None:
    with policies(tmp_path, {}) as path:
        policy = production.policy
        new = max(site.id for site in (*policy.opd.values(), *policy.hotspots.values())) + 1
        (path / "opd/new.yaml").write_text(NEW.format(id=new))
        after = compiled(path, "production")
    assert f"{new} today" in ADD
    assert f"^id: +{new}( |$)" in ADD
    assert f"`10.20.{new}.0/24`" in ADD
    assert f"classid {after.intent.routers['core-1'].leaf('new').class_id}\n" in ADD
    takes = {
        name: (production.bits(name, "pools", "public") - after.bits(name, "pools", "public"))
        for name in (DAY, NIGHT)
    }
    assert takes == {DAY: 18_000_000, NIGHT: 8_000_000}
    assert after.bits(DAY, "shares", "new") == 18_000_000
    assert "by 18 and by 8 Mbit/s, and `komando show` promises it 18" in ADD
    assert "takes 18 Mbit/s from the public in its hours" in ADR_7


# --- links ---------------------------------------------------------------------------------------


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as the forge makes them."""
    text = re.sub(r"^ *```.*?^ *```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_is_named_is_there(document: Path) -> None:
    roots = "policies|inventories|roles|deploys|src|tests|docs|scripts|benchmarks"
    for path in re.findall(rf"`((?:{roots})/[\w./-]+)`", document.read_text()):
        made = ("production/known_hosts", "production/secrets/")  # by whoever has routers
        if not any(one in path for one in made):
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("folder", ["adr", "checks", "runbooks", "safety"])
def test_every_page_is_in_its_index(folder: str) -> None:
    index = (ROOT / "docs" / folder / "README.md").read_text()
    pages = {path.name for path in (ROOT / "docs" / folder).glob("*.md")} - {"README.md"}
    assert pages <= set(re.findall(r"\]\(([\w-]+\.md)\)", index))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_to_a_decision_bears_its_number(document: Path) -> None:
    links = re.findall(r"\[(?:ADR )?(\d+)\]\([\w./]*?(\d{4})-", document.read_text())
    assert all(int(said) == int(number) for said, number in links)
