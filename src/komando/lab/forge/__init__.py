"""The lab's forge: a bare repository, its hooks, and what GitHub would know of it."""
