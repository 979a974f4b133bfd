"""What Tab offers: in the repository's folder, by the process that a shell starts for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from komando.cli import VERBS, main

ROOT = Path(__file__).parents[2]
HEAVY = ("pydantic", "rich", "jinja2", "yaml", "pyinfra", "gevent", "holidays", "ansible")
ASK = (
    "import sys\n"
    "from komando.cli import main\n"
    "try:\n"
    "    main(prog_name='komando')\n"
    "finally:\n"
    f"    print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)\n"
)

THREE = """\
all:
  vars: {management: [192.0.2.0/28]}
  children:
    controller: {hosts: {controller-1: {ansible_host: 192.0.2.9}}}
    router:
      hosts:
        core-1: {ansible_host: 192.0.2.1, interfaces: {uplink: wan0}, leaf: pfifo}
        core-2: {ansible_host: 192.0.2.2, interfaces: {uplink: wan0}, leaf: pfifo}
        core-3: {ansible_host: 192.0.2.3, interfaces: {uplink: wan0}, leaf: pfifo}
"""


def asked(line: str, folder: Path = ROOT) -> tuple[list[str], list[str]]:
    """What is offered at the end of a line, and which heavy packages that has loaded."""
    words = line.split(" ")
    result = subprocess.run(
        [sys.executable, "-c", ASK],
        env={
            **os.environ,
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            "_KOMANDO_COMPLETE": "bash_complete",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split(), result.stderr.split()


def offered(line: str, folder: Path = ROOT) -> list[str]:
    """The plain words that are offered."""
    found = (one.partition(",") for one in asked(line, folder)[0])
    return [value for kind, _, value in found if kind == "plain"]


def test_every_verb_is_offered_and_none_is_loaded() -> None:
    found, heavy = asked("komando ")
    assert found == [f"plain,{verb}" for verb in VERBS]
    assert not heavy
    assert offered("komando sh") == ["show"]


@pytest.mark.parametrize("verb", ["show", "status"])
def test_offices_and_points_are_offered_by_their_files_alone(verb: str) -> None:
    found, heavy = asked(f"komando {verb} opd/dinas-k")
    assert found == ["plain,opd/dinas-kesehatan"]
    assert not heavy
    files = [f"opd/{path.stem}" for path in sorted(ROOT.glob("policies/opd/*.yaml"))]
    points = [f"hotspots/{path.stem}" for path in sorted(ROOT.glob("policies/hotspots/*.yaml"))]
    assert offered(f"komando {verb} ") == [*files, *points]
    assert offered(f"komando {verb} hot") == points


def test_offices_are_those_of_the_policies_that_are_named(policies: Path) -> None:
    found = offered(f"komando show --policies {policies} opd/")
    assert found == [f"opd/{path.stem}" for path in sorted(policies.glob("opd/*.yaml"))]


def test_an_exception_is_of_an_office_by_either_name() -> None:
    assert offered("komando new exception dinas-ke") == ["dinas-kesehatan"]
    assert offered("komando new exception opd/dinas-ke") == ["opd/dinas-kesehatan"]
    assert offered("komando new exception halaman") == []


def test_names_of_the_policies_are_offered_to_flags(policies: Path) -> None:
    assert offered("komando new signer x --office dinas-ke") == ["dinas-kesehatan"]
    assert offered("komando new signer x --role ") == ["approver", "requester"]
    assert offered("komando new opd x --segment ") == ["metro", "kecamatan", "public"]
    assert offered("komando new opd x --calendar w") == ["working-week"]
    assert offered(f"komando new opd --policies {policies} x --segment ") == ["metro"]
    assert offered("komando new exception bpbd --calendar a") == ["around-the-clock"]
    (policies / "region.yaml").write_text("segments: 3\n")
    assert offered(f"komando new opd --policies {policies} x --segment ") == []


@pytest.mark.parametrize("verb", ["trust", "prepare", "prepare controller-1"])
def test_machines_are_offered(verb: str) -> None:
    assert offered(f"komando {verb} co") == ["controller-1", "core-1"]


def test_machines_are_those_of_the_inventory_that_is_named() -> None:
    assert "bastion" in offered("komando trust ")
    assert "bastion" not in offered("komando trust --inventory lab ")


def test_only_routers_can_be_rolled_back() -> None:
    assert offered("komando rollback --inventory lab ") == ["core-1"]


@pytest.mark.parametrize("verb", ["apply", "drift"])
def test_a_limit_is_a_list_in_which_none_stands_twice(verb: str, tmp_path: Path) -> None:
    folder = tmp_path / "inventories/production"
    folder.mkdir(parents=True)
    (folder / "hosts.yaml").write_text(THREE)
    assert offered(f"komando {verb} --limit ", tmp_path) == ["core-1", "core-2", "core-3"]
    assert offered(f"komando {verb} --limit core-2,", tmp_path) == [
        "core-2,core-1",
        "core-2,core-3",
    ]
    assert offered(f"komando {verb} --limit core-2,core-3", tmp_path) == ["core-2,core-3"]


def test_inventories_are_offered_and_paths_are_left_to_the_shell() -> None:
    found, heavy = asked("komando inventory check --inventory ")
    assert found == ["plain,lab", "plain,production"]
    assert offered("komando plan --inventory pro") == ["production"]
    assert asked("komando plan --inventory ./inv")[0] == ["dir,./inv"]
    assert "gevent" not in heavy


@pytest.mark.parametrize("line", ["show ", "trust ", "rollback ", "plan --inventory "])
def test_where_nothing_is_nothing_is_offered_or_said(line: str, tmp_path: Path) -> None:
    (tmp_path / "inventories/production").mkdir(parents=True)
    assert offered(f"komando {line}", tmp_path) == []
    (tmp_path / "inventories/production/hosts.yaml").write_text("no: inventory\n")
    found, _ = asked(f"komando {line}", tmp_path)
    assert found == (["plain,production"] if "--inventory" in line else [])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_for_the_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"_KOMANDO_COMPLETE={shell}_complete" in result.stdout
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n"], input=result.stdout, text=True, check=True)


def test_bash_completes_by_it() -> None:
    programs = Path(sys.prefix) / "bin"
    script = (
        'eval "$(komando completion bash)"\n'
        "complete -p komando\n"
        "COMP_WORDS=(komando show opd/dinas-ke) COMP_CWORD=2\n"
        "_komando_completion komando\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    result = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    spec, reply = result.stdout.splitlines()
    assert spec.endswith("-F _komando_completion komando")
    assert reply == "opd/dinas-kesehatan"


def test_its_help_says_the_line_to_add() -> None:
    said = CliRunner().invoke(main, ["completion", "--help"]).stdout
    assert 'eval "$(komando completion bash)"' in said
    assert "komando completion fish | source" in said
