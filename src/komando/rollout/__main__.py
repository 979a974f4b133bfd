"""The pyinfra process. Gevent replaces sockets and threads before anything can make one.

Whoever applies waits for it to start: it loads no more than it needs.
"""

import gc
import os
import sys
from pathlib import Path

gc.set_threshold(200_000, 20, 20)  # in the modules that are loaded now nothing is waste

from gevent import events, monkey  # noqa: E402

# it would look through all packages for plug-ins, 25 times: 60 ms
events.notify_and_call_entry_points = events.notify
monkey.patch_all()
# paramiko takes it for `Match exec` of a ~/.ssh/config, which nobody reads here: 45 ms
sys.modules["invoke"] = None  # type: ignore[assignment]

# deploys/ stands in the clone that we run from, beside src/
sys.path.append(str(Path(__file__).parents[3]))

from komando.host.private import leave_no_core  # noqa: E402  # only after the patch

if __name__ == "__main__":
    leave_no_core()

from komando.rollout.worker import main  # noqa: E402

if __name__ == "__main__":
    main()
    os._exit(0)  # all is said and closed; whoever waits need not see Python tidied up
