"""Tables of text for the screen."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Callable

_SCREEN = 100  # columns
_NARROWEST = 20  # columns that a last cell is wrapped to
_GAP = "  "
_NUMBER = re.compile(r"-?\d|nan$|$")

_Align = Callable[[str, int], str]


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as lines of text in columns.

    Numbers stand at the right of their column, words at the left; a column is one of numbers if all cells below the
    heading begin with a digit, are nan or empty. Words in the last column are wrapped where the screen ends, after 100
    characters.

    Parameters
    ----------
    rows
        The heading, if there is one, and the cells below it: as many in every row.

    Examples
    --------
    >>> print(format_table([("", "AP", "remark"), ("val2017", "0.5", "four scales"), ("test", "12.0", "one")]))
               AP  remark
    val2017   0.5  four scales
    test     12.0  one
    """
    columns = list(zip(*rows))
    aligns = [str.ljust, *map(_alignment, columns[1:])]
    widths = [max(map(len, column)) for column in columns]
    before = sum(widths[:-1]) + len(_GAP) * len(widths[:-1])
    widths[-1] = min(widths[-1], max(_SCREEN - before, _NARROWEST))
    return "\n".join(line for row in rows for line in _lines(row, widths, aligns))


def _alignment(column: Sequence[str]) -> _Align:
    return str.rjust if all(map(_NUMBER.match, column[1:] or column)) else str.ljust


def _lines(row: Sequence[str], widths: Sequence[int], aligns: Sequence[_Align]) -> list[str]:
    """Return a row as a line, and those that its last cell goes on in."""
    first, *others = textwrap.wrap(row[-1], widths[-1], break_long_words=False, break_on_hyphens=False) or [""]
    blank = [""] * (len(row) - 1)
    parts = [[*row[:-1], first], *([*blank, other] for other in others)]
    return [_GAP.join(align(*cell) for align, cell in zip(aligns, zip(part, widths))).rstrip() for part in parts]
