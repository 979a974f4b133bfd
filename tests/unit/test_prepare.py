"""What Ansible tells, and what komando prepare makes of it before any machine is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from komando.cli import main
from komando.cli.prepare import _Lines
from komando.inventory import Access, Host
from komando.prepare import Preparation, PrepareError, Story, prepare

HOSTS = """\
all:
  vars:
    management: [192.0.2.0/24]
  children:
    controller:
      hosts:
        controller-1: {ansible_host: 192.0.2.2}
    router:
      hosts:
        core-1:
          ansible_host: 192.0.2.10
          interfaces: {uplink: eno1}
          leaf: fq_codel
"""

ECDSA = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBNCmRqMm"
    "wMTt+kCHUtJkcvv2AmM929TsgiN7ebvUEDPFwk93w5T5OzrgP8FqvkWoUQFCHsroG+51K4LYewkq1ZM="
)


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    return tmp_path


def told(*events: dict[str, object]) -> Story:
    story = Story(["core-1", "core-2"])
    for event in events:
        story.hear(json.dumps(event))
    return story


def event(kind: str, host: str, task: str, **more: object) -> dict[str, object]:
    return {"event": kind, "host": host, "task": task, **more}


def test_each_machine_has_what_was_changed_on_it() -> None:
    story = told(
        {"event": "task", "task": "base : Install"},
        event("ok", "core-1", "base : Install", changed=True, said=""),
        event("ok", "core-2", "base : Install", changed=False, said=""),
        {"event": "task", "task": "base : Lay"},
        event("ok", "core-1", "base : Lay", changed=False, said="read this"),
    )
    one, other = story.machines.values()
    assert story.task == "base : Lay"
    assert (one.done, one.changed, one.said) == (2, ["base : Install"], ["read this"])
    assert (other.done, other.changed, other.trouble) == (1, [], "")


def test_a_machine_that_fails_is_not_one_that_is_away() -> None:
    story = told(
        event("failed", "core-1", "base : Install", said="no space"),
        event("unreachable", "core-2", "base : Install", said="timed out"),
    )
    one, other = story.machines.values()
    assert (one.trouble, one.away) == ("base : Install: no space", False)
    assert (other.trouble, other.away) == ("timed out", True)


def test_a_machine_that_is_lost_half_way_is_not_one_that_was_never_reached() -> None:
    story = told(
        event("ok", "core-1", "base : Load the guard", changed=True, said=""),
        event("unreachable", "core-1", "base : Come again", said="timed out"),
    )
    one = story.machines["core-1"]
    assert (one.trouble, one.away) == ("lost at base : Come again: timed out", False)


def test_a_log_names_each_task_once_a_play(capsys: pytest.CaptureFixture[str]) -> None:
    story, tell = Story(["core-1", "core-2"]), _Lines()
    for one in (
        {"event": "play", "play": "Prepare the machines"},
        event("ok", "core-1", "base : Install", changed=True, said=""),
        event("ok", "core-1", "base : Lay", changed=False, said=""),
        event("ok", "core-2", "base : Install", changed=True, said=""),
        {"event": "task", "task": "base : Nobody's"},
        {"event": "play", "play": "Prepare all others"},
        event("ok", "core-2", "base : Install", changed=True, said=""),
    ):
        story.hear(json.dumps(one))
        tell(story)
    assert capsys.readouterr().err == "  base : Install\n  base : Lay\n  base : Install\n"


def test_a_host_that_nobody_asked_for_is_left_aside() -> None:
    story = told(event("ok", "localhost", "x", changed=True, said=""))
    assert list(story.machines) == ["core-1", "core-2"]


def test_without_the_roles_it_says_where_it_has_to_run(tmp_path: Path) -> None:
    way = Access(prefix=(), identity=None, known_hosts=tmp_path / "known_hosts", user="root")
    host = Host("core-1", "router", "192.0.2.10", {}, "pfifo")
    order = Preparation(tmp_path, (host,), way, roles=tmp_path)
    with pytest.raises(PrepareError, match="runs from a clone of the repository"):
        prepare(order, lambda _: None)


def test_wheels_that_cannot_be_fetched_have_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "roles/controller/files").mkdir(parents=True)
    (tmp_path / "roles/site.yml").touch()
    lock = tmp_path / "roles/controller/files/requirements.lock"
    lock.write_text("life=1.0\n")  # which pip refuses before it asks anybody
    way = Access(prefix=(), identity=None, known_hosts=tmp_path / "known_hosts", user="root")
    host = Host("controller-1", "controller", "192.0.2.2", {}, "pfifo")
    order = Preparation(tmp_path, (host,), way, roles=tmp_path / "roles", pythons=("0.1", "0.2"))
    with pytest.raises(PrepareError) as caught:
        prepare(order, lambda _: None)
    *first, last = str(caught.value).splitlines()
    assert any("0.1-" in line for line in first)
    assert any("0.2-" in line for line in first)
    assert last.endswith("`komando wheelhouse controller`")


def refused(inventory: Path, *words: str) -> str:
    done = CliRunner().invoke(main, ["prepare", "--inventory", str(inventory), *words])
    assert done.exit_code == 1, done.output
    return done.stderr


def test_an_unknown_machine_is_named_with_the_one_that_is_meant(inventory: Path) -> None:
    words = refused(inventory, "core-9")
    assert f"no machine 'core-9' in {inventory}/hosts.yaml: did you mean core-1?" in words


def test_a_member_that_takes_policies_from_nobody_is_refused(inventory: Path) -> None:
    (inventory / "known_hosts").touch()
    words = refused(inventory)
    assert "has no `deploy_keys`, and nobody could deploy to core-1" in words
    assert "prepare the controller first" in words


def stated(inventory: Path, line: str) -> None:
    path = inventory / "hosts.yaml"
    path.write_text(path.read_text().replace("  vars:\n", f"  vars:\n    {line}\n"))


def test_a_key_that_is_withdrawn_may_be_the_only_one(inventory: Path) -> None:
    stated(inventory, "deploy_keys: []")
    words = refused(inventory)
    assert "deploy_keys" not in words
    assert "known_hosts does not stand" in words


def test_a_key_that_the_machine_will_not_show_any_more_is_refused(inventory: Path) -> None:
    stated(inventory, "deploy_keys: []")
    (inventory / "known_hosts").write_text(f"192.0.2.2 {ECDSA}\n192.0.2.10 {ECDSA}\n")
    words = refused(inventory, "core-1")
    assert "a key of core-1 of the kind ecdsa-sha2-nistp256 alone" in words
    assert "it shows its ssh-ed25519 key and no other" in words


@pytest.mark.parametrize("name", ["deploy", "observe", "controller"])
def test_an_administrator_is_no_user_that_the_roles_make(inventory: Path, name: str) -> None:
    stated(inventory, f"administrator: {name}")
    assert "a user that the roles make" in refused(inventory)


def test_a_controller_is_prepared_before_there_is_any_key(inventory: Path) -> None:
    words = refused(inventory, "controller-1")
    assert "deploy_keys" not in words
    assert "known_hosts does not stand" in words
