"""The pyinfra process. Gevent replaces sockets and threads before anything can make one."""

from gevent import monkey

monkey.patch_all()

from komando.host.private import leave_no_core  # noqa: E402  # only after the patch

if __name__ == "__main__":
    leave_no_core()

from komando.rollout.worker import main  # noqa: E402

if __name__ == "__main__":
    main()
