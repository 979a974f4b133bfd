"""Reads two files of the generation in force, over and over: `reader.py READS once|twice A B`.

Runs on a router. A and B are the digests of two generations; every file of PAIR differs between
them, so that its content alone tells the generation. `once` resolves `current` once for each pair,
by opening the folder; `twice` goes through the link for each file. Prints one JSON object: how many
reads were `torn` (two generations, or half a file), and how often the generation `turned`.
"""

import json
import os
import sys

STATE = "/var/lib/komando"
CURRENT = f"{STATE}/current"
PAIR = ("etc/komando/tc/download.tc", "etc/komando/tc/upload.tc")


def content(path: str, folder: int | None = None) -> bytes:
    """A small file, whole."""
    descriptor = os.open(path, os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(descriptor, 1 << 20)
    finally:
        os.close(descriptor)


def once() -> tuple[bytes, bytes]:
    """Both files of the folder that the link leads to at this moment."""
    folder = os.open(CURRENT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return content(PAIR[0], folder), content(PAIR[1], folder)
    finally:
        os.close(folder)


def twice() -> tuple[bytes, bytes]:
    """Each file by the link: what lies between the two looks may have turned it."""
    return content(f"{CURRENT}/{PAIR[0]}"), content(f"{CURRENT}/{PAIR[1]}")


def main() -> None:
    """Look as often as the command line says."""
    reads, way, digests = int(sys.argv[1]), sys.argv[2], sys.argv[3:5]
    of_one, of_other = (
        {content(f"{STATE}/generations/{digest}/{path}"): digest for digest in digests}
        for path in PAIR
    )
    if len(of_one) != len(digests) or len(of_other) != len(digests):
        raise SystemExit("these generations do not differ in both files: they cannot be told apart")
    read = {"once": once, "twice": twice}[way]
    torn = turned = 0
    last = None
    for _ in range(reads):
        one, other = read()
        found = of_one.get(one)
        if found is None or found != of_other.get(other):
            torn += 1
        elif found != last:
            last, turned = found, turned + 1
    print(json.dumps({"reads": reads, "torn": torn, "turned": turned}))


if __name__ == "__main__":
    main()
