"""The annotations of people while they are read: what is odd about them, and what stands in the place of it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...checks import real_number, whole_number
from ...errors import DataError, quote


class PeopleTable:
    """Annotations as columns; what was given is not written to.

    Parameters
    ----------
    entries
        COCO's annotations.
    name
        How messages call the file.

    Attributes
    ----------
    filled
        How often each key was filled in.
    doubts
        What else was found, with how often.
    """

    def __init__(self, entries: Sequence[Mapping[str, Any]], name: str) -> None:
        self.entries = entries
        self.name = name
        self.filled: Counter[str] = Counter()
        self.doubts: Counter[str] = Counter()
        self._changes: dict[int, dict[str, Any]] = {}

    def column(self, key: str) -> list[Any]:
        """Return the values of a key, None where it is missing."""
        return [entry.get(key) for entry in self.entries]

    def put(self, place: int, key: str, value: Any) -> None:
        """Put a value in the place of what was given."""
        self._changes.setdefault(place, {})[key] = value

    def fill(self, place: int, key: str, value: Any) -> None:
        """Put a value where there was none, and count it."""
        self.put(place, key, value)
        self.filled[key] += 1

    def complete_entries(self) -> list[Mapping[str, Any]]:
        """Return the annotations with all that was put into them; those without changes are the given ones."""
        entries = list(self.entries)
        for place, change in self._changes.items():
            entries[place] = {**entries[place], **change}
        return entries

    def remarks(self) -> tuple[str, ...]:
        """Return a line that counts what was filled in, if anything was, and one for each doubt."""
        lines = [f"{count} {doubt}" for doubt, count in self.doubts.items()]
        if self.filled:
            counts = ", ".join(f"{key} of {count}" for key, count in self.filled.items())
            lines.insert(0, f"filled in for its {len(self.entries)} people: {counts}")
        return tuple(lines)

    def error(self, place: int, problem: str) -> DataError:
        """Return the error that says what is wrong with an annotation."""
        return entry_error(self.name, self.entries[place], place, problem)

    def whole_numbers(self, key: str) -> list[int]:
        """Return a column of whole numbers, which may be given as text or floats."""
        values = self.column(key)
        if set(map(type, values)) <= {int}:
            return values
        for place, value in enumerate(values):
            try:
                values[place] = whole_number(value)
            except ValueError as problem:
                raise self.error(place, f"{key}: {problem}") from None
            if type(value) is not int:
                self.put(place, key, values[place])
        return values

    def numbers(self, key: str, width: int) -> tuple[np.ndarray, list[int]]:
        """Return lists of `width` numbers as (P, width) float64, and the places of what else there is, zeros there."""
        values = array("d")
        nothing = [0.0] * width
        odd = []
        for place, given in enumerate(self.column(key)):
            try:
                if len(given) != width:
                    raise ValueError
                values.extend(given)
            except (OverflowError, TypeError, ValueError):
                del values[place * width :]
                values.extend(nothing)
                odd.append(place)
        return np.frombuffer(values, np.float64).reshape(-1, width), odd

    def scalars(self, key: str) -> tuple[np.ndarray, list[int]]:
        """Return numbers, or their text, as (P,) float64, and the places where there is none, zeros there."""
        values = self.column(key)
        lacking = [place for place, value in enumerate(values) if value is None]
        for place in lacking:
            values[place] = 0.0
        if not set(map(type, values)) <= {int, float}:
            for place, value in enumerate(values):
                try:
                    values[place] = real_number(value)
                except ValueError as problem:
                    raise self.error(place, f"{key}: {problem}") from None
                self.put(place, key, values[place])
        return np.array(array("d", values), np.float64), lacking


def entry_error(name: str, entry: Mapping[str, Any], place: int, problem: str) -> DataError:
    """Return the error that says what is wrong with one of a list of annotations, results or detections."""
    known = [f"{key} {quote(entry[key], 30)}" for key in ("id", "image_id") if key in entry]
    which = f" ({', '.join(known)})" if known else ""
    return DataError(f"{name}: entry {place}{which}: {problem}")
