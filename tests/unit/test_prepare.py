"""What Ansible tells, and what komando prepare makes of it before any machine is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from komando.cli import main
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


def test_a_host_that_nobody_asked_for_is_left_aside() -> None:
    story = told(event("ok", "localhost", "x", changed=True, said=""))
    assert list(story.machines) == ["core-1", "core-2"]


def test_without_the_roles_it_says_where_it_has_to_run(tmp_path: Path) -> None:
    way = Access(prefix=(), identity=None, known_hosts=tmp_path / "known_hosts", user="root")
    host = Host("core-1", "router", "192.0.2.10", {}, "pfifo")
    order = Preparation(tmp_path, (host,), way, roles=tmp_path)
    with pytest.raises(PrepareError, match="runs from a clone of the repository"):
        prepare(order, lambda _: None)


def refused(inventory: Path, *words: str) -> str:
    done = CliRunner().invoke(main, ["prepare", "--inventory", str(inventory), *words])
    assert done.exit_code == 1, done.output
    return done.stderr


def test_an_unknown_machine_is_named_with_the_one_that_is_meant(inventory: Path) -> None:
    words = refused(inventory, "core-9")
    assert "no machine of this inventory is named 'core-9'; did you mean core-1?" in words


def test_a_member_that_takes_policies_from_nobody_is_refused(inventory: Path) -> None:
    (inventory / "known_hosts").touch()
    words = refused(inventory)
    assert "has no `deploy_keys`, and nobody could deploy to core-1" in words
    assert "prepare the controller first" in words


def test_a_controller_is_prepared_before_there_is_any_key(inventory: Path) -> None:
    words = refused(inventory, "controller-1")
    assert "deploy_keys" not in words
    assert "known_hosts does not stand" in words
