"""Damaged files: how they are made, and what a reader may do with them."""

import contextlib
import json
import struct
import time
from pathlib import Path

import numpy as np

from cpm.errors import CpmError

MEMORY = 1 << 30  # bytes that reading a damaged file may add to the process
SECONDS = 5.0  # of processor time that it may take
_HUGE = (0, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
_ODD = (None, True, -1, 0, 0.5, 1e300, float("nan"), float("inf"), "", "7", "x" * 1000, [], {}, [[]], 2**70, "\ud800")


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage bytes in one of the ways that files are damaged or that somebody would try."""
    damaged = bytearray(content)
    place = int(rng.integers(len(damaged)))
    kind = rng.integers(6)
    if kind == 0:
        del damaged[place:]
    elif kind == 1:
        for bit in rng.integers(8 * len(damaged), size=rng.integers(1, 4)):
            damaged[bit // 8] ^= 1 << bit % 8
    elif kind == 2:
        span = rng.integers(0, 256, rng.integers(1, 32), np.uint8).tobytes()
        damaged[place : place + len(span)] = span
    elif kind == 3:
        damaged[place : place + rng.integers(1, 9)] = b""
    elif kind == 4:
        damaged[place:place] = damaged[place : place + rng.integers(1, 64)]
    else:  # a huge length or size, of 32 or 64 bits
        value = _HUGE[rng.integers(len(_HUGE))]
        wide = value >= 2**32 or rng.integers(2)
        damaged[place : place + (8 if wide else 4)] = struct.pack("<Q" if wide else "<I", value)
    return bytes(damaged)


def mutate_json(content: bytes, rng: np.random.Generator) -> bytes:
    """Change, drop or repeat one value somewhere in JSON, so that it is still JSON."""
    tree = json.loads(content)
    places = list(_places(tree))
    holder, key = places[rng.integers(len(places))]
    kind = rng.integers(3)
    if kind == 0:
        holder[key] = _ODD[rng.integers(len(_ODD))]
    elif kind == 1:
        del holder[key]
    elif isinstance(holder, list):
        holder.insert(key, holder[key])
    else:
        other_holder, other_key = places[rng.integers(len(places))]
        with contextlib.suppress(IndexError, KeyError):
            holder[key] = json.loads(json.dumps(other_holder[other_key]))
    return json.dumps(tree).encode()


def check_survival(read, damage, path: Path, count: int, seed: int = 1) -> int:
    """Let a reader read `count` damaged files; return how many of them it refused.

    Parameters
    ----------
    read
        Called with the path; may return or raise a `CpmError` of one line, and nothing else.
    damage
        Called with a generator, returns the bytes of a damaged file.
    path
        Where the files are written.
    count, seed
        How many, and what they are drawn by.
    """
    rng = np.random.default_rng(seed)
    refused = 0
    before = _reset_peak()
    for number in range(count):
        path.write_bytes(damage(rng))
        start = time.process_time()
        message = ""
        try:
            read(path)
        except CpmError as error:
            refused += 1
            message = str(error)
        assert "\n" not in message, number
        assert time.process_time() - start < SECONDS, number
    assert _peak() - before < MEMORY
    return refused


def _places(tree):
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield tree, key
        yield from _places(value)


def _reset_peak() -> int:
    """Forget the highest memory use so far, as far as the system allows it; return what is in use, in bytes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    """Return the highest memory use of this process in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("the system does not say how much memory a process uses")
