"""A request cannot choose where ssh dials: its plan is made without a connection to anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

HEARS = """\
import json, sys

def hear(event, words):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "subprocess.Popen"):
        told = words[1] if event == "subprocess.Popen" else words[-1]
        with open({path!r}, "a") as file:
            file.write(json.dumps([event, [str(word) for word in told or ()]]) + "\\n")

sys.addaudithook(hear)
"""
"""Python's own account of connections and programs, in every process that has this in its path."""

CARRIES = {"fetch", "pull", "push", "clone", "ls-remote", "remote-https"}
"""The words of git that would go to another machine."""


def git(clone: Path, *words: str) -> None:
    who = ("-c", "user.name=requester-1", "-c", "user.email=requester-1@example.org")
    subprocess.run(["git", *who, *words], cwd=clone, check=True, capture_output=True)


def test_a_plan_opens_no_connection_whatever_the_request_s_inventory_says(tmp_path: Path) -> None:
    clone, heard = tmp_path / "clone", tmp_path / "heard"
    git(tmp_path, "clone", "-q", str(ROOT), str(clone))
    git(clone, "switch", "-q", "-c", "request")
    hosts = clone / "inventories/lab/hosts.yaml"
    text = hosts.read_text()
    hosts.write_text(text.replace("10.255.0.", "127.0.0."))
    assert hosts.read_text() != text
    office = clone / "policies/opd/dinas-kesehatan.yaml"
    office.write_text(office.read_text().replace("guarantee: 20 Mbit/s", "guarantee: 21 Mbit/s"))
    git(clone, "commit", "-q", "-am", "elsewhere")
    (tmp_path / "sitecustomize.py").write_text(HEARS.format(path=str(heard)))
    path = os.pathsep.join([str(tmp_path), str(clone / "src")])
    planned = ("ci", "plan", "--inventory", "inventories/lab", "--base", "HEAD~1")
    done = subprocess.run(
        [Path(sys.executable).with_name("komando"), *planned, "--out", str(tmp_path / "out")],
        cwd=clone,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Dinas Kesehatan" in (tmp_path / "out/plan.md").read_text(), done.stderr
    events = [json.loads(line) for line in heard.read_text().splitlines()]
    programs = [words for event, words in events if event == "subprocess.Popen"]
    assert programs
    assert len(programs) == len(events), events
    assert {Path(words[0]).name for words in programs} <= {
        "git",
        "unshare",
        Path(sys.executable).name,
    }
    assert not any(CARRIES & set(words) for words in programs if Path(words[0]).name == "git")
