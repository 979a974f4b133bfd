"""YAML documents as people write them: the place of each key and value, and values of any file.

What a policy or an inventory may say is told there; how an address, a name, a key or a day is
written, and what is no YAML, is told here.
"""
