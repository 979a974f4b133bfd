"""What pyinfra asks of a host and does on it: facts and operations, nothing about their order.

A merge of policy can change only what stands here; what a new release, package or machine changes
is in `roles/`. Both verbs call the one program that the deploy user may run as root.
"""
