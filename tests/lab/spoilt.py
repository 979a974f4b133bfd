"""The command line with a renderer that has gone wrong: `python spoilt.py SPOIL.json VERB ...`.

SPOIL.json maps a host to the files of its bundle that are to be otherwise than they should (None:
missing). Bundles that are spoilt are not read by the real parsers before they leave, as it is on a
machine without root: the hosts have to look after themselves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from komando.bundle import Bundle
from komando.cli import main
from komando.diagnostics import Diagnostic
from komando.intent import Intent
from komando.inventory import Host
from komando.platforms import debian

SPOIL: dict[str, dict[str, str | None]] = json.loads(Path(sys.argv.pop(1)).read_text())

render, check = debian.render, debian.check


def spoilt_render(
    intent: Intent, host: Host, ciphertexts: Mapping[str, str] | None = None
) -> Bundle:
    bundle = render(intent, host, ciphertexts)
    files = dict(bundle.files)
    for path, text in SPOIL.get(host.name, {}).items():
        if text is None:
            del files[path]
        else:
            files[path] = text.encode()
    return Bundle(bundle.host, files)


def no_check(bundle: Bundle) -> list[Diagnostic]:
    return [] if bundle.host in SPOIL else check(bundle)


debian.render, debian.check = spoilt_render, no_check

if __name__ == "__main__":
    main()
