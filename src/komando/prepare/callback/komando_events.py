"""Ansible callback: what happens as lines of JSON, for the process that started Ansible.

It runs inside of Ansible (ANSIBLE_CALLBACK_PLUGINS leads here) and writes to the file that
KOMANDO_EVENTS names. komando.prepare.events reads it.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase  # type: ignore[import-untyped]

DOCUMENTATION = """
name: komando_events
type: notification
short_description: What happens as lines of JSON
description:
  - Writes a line of JSON for each play and task that begins, and for a task's end on each host.
options: {}
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Tells of each task, and of its end on each host."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "komando_events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._file = open(os.environ["KOMANDO_EVENTS"], "a", encoding="utf-8")  # noqa: SIM115, PTH123

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """The tasks of some machines begin, from the first."""
        self._tell("play", play=play.get_name().strip())

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A task begins, on some hosts or on none."""
        del is_conditional
        self._tell("task", task=task.get_name().strip())

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """So does one that a change has called for."""
        self._tell("task", task=task.get_name().strip())

    def v2_runner_on_ok(self, result: Any) -> None:
        """It went well on a host."""
        found = result.result
        # modules of our own have a word for it
        told = "msg" if result.task.action.endswith("debug") else "said"
        said = found.get(told, "")
        self._end("ok", result, changed=bool(found.get("changed")), said=str(said))

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """It failed on a host, which is then left out of the rest."""
        if not ignore_errors:
            self._end("failed", result, said=_words(result.result))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host cannot be reached, and is left out of the rest."""
        self._end("unreachable", result, said=_words(result.result))

    def _end(self, event: str, result: Any, **more: object) -> None:
        name = result.task.get_name().strip()
        self._tell(event, host=result.host.get_name(), task=name, **more)

    def _tell(self, event: str, **more: object) -> None:
        self._file.write(json.dumps({"event": event, **more}) + "\n")
        self._file.flush()


def _words(found: dict[str, Any]) -> str:
    """Why, in the words of the module; of a loop, those of its items that failed."""
    items = [one for one in found.get("results", ()) if one.get("failed")]
    if items:
        return "; ".join(dict.fromkeys(_words(one) for one in items))
    words = [str(found.get(key) or "").strip() for key in ("msg", "stderr", "module_stderr")]
    return ": ".join(dict.fromkeys(word for word in words if word)) or "it gave no reason"
