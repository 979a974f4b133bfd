"""From bundles to running generations: ask the hosts, carry the bundles, tell what happened.

pyinfra and gevent live in a process of their own (`python -m komando.rollout`), because gevent
replaces the standard library's sockets and threads. `session` starts it and speaks JSON lines with
it; `observe`, `drift` and `roll` are what the rest of the house calls. This file imports nothing,
so that the worker's first act can be gevent's patch.
"""
