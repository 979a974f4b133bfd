"""The one program on each host: stage, activate, switch hours, observe.

It is installed as package ``komando_host`` by the role and needs the standard library alone, so
that a host needs nothing that a package index could change. It reads one generation (the files of
a bundle under their digest), works out what the kernel should look like at this moment, and brings
the kernel there in place. Every verb is level-triggered: run twice, the second changes nothing.
"""
