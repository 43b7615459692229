"""Files of safetensors written by hand, so that they can be wrong wherever a test wants."""

import json
import struct

import numpy as np

_KINDS = {"f4": "F32", "f8": "F64", "f2": "F16", "i8": "I64", "u2": "U16", "b1": "BOOL"}


def safetensors(arrays, kinds=None):
    """Return the bytes of a file of {name: array}; `kinds` has names of types in place of those of the arrays."""
    entries, place = {"__metadata__": {"format": "pt"}}, 0
    for name, array in arrays.items():
        kind = (kinds or {}).get(name, _KINDS[array.dtype.str[1:]])
        entries[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [place, place + array.nbytes]}
        place += array.nbytes
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    return (
        struct.pack("<Q", len(header)) + header + b"".join(np.ascontiguousarray(a).tobytes() for a in arrays.values())
    )
