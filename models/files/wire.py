"""The wire format of protocol buffers: a field is a key, which holds its number and its type, and a value."""

from __future__ import annotations

import mmap

# The types of a field; other numbers are none.
VARINT = 0
EIGHT_BYTES = 1
BYTES = 2
FOUR_BYTES = 5

Field = tuple[int, int]  # number and type


def read_key(data: mmap.mmap | memoryview, place: int) -> tuple[Field, int]:
    """Return number and type of the field at a place, and the place after them; errors as of `read_varint`."""
    key, place = read_varint(data, place)
    return (key >> 3, key & 7), place


def read_varint(data: mmap.mmap | memoryview, place: int) -> tuple[int, int]:
    """Return the integer of up to 64 bits at a place, and the place after it.

    Raises
    ------
    ValueError
        If the bytes end before it does, or it is longer.
    """
    value = 0
    for count, byte in enumerate(data[place : place + 10]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, place + count + 1
    raise ValueError("an integer without an end")
