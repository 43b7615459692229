"""Which joints change places in a mirror image, told by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_WORDS = {"left": "right", "right": "left"}
_LETTERS = {"l": "r", "r": "l"}
# Words within a name: LShoulder is L and Shoulder, leftHip is left and Hip, l_hip is l, _ and hip.
_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^A-Za-z0-9]+")


def find_pairs(joints: Sequence[str]) -> dict[str, str]:
    """Return the partner of every joint that has one: the joint whose name differs by left and right, or l and r.

    These are words of a name (``left_hip``, ``Left Eye``, ``hip-left``, ``LShoulder``, ``shoulder_l``) or its
    beginning or end (``lefteye``, ``rhip``). A name is one of a pair only if the other is there as well, so that
    ``lip`` and ``rib`` have no sides.

    Parameters
    ----------
    joints
        The names.
    """
    known = {joint.lower(): joint for joint in joints}
    known.update({joint: joint for joint in joints})
    partners = {joint: _first_known(joint, known) for joint in joints}
    return {joint: partner for joint, partner in partners.items() if partner and partners[partner] == joint}


def one_sided(joints: Sequence[str]) -> list[str]:
    """Return the joints whose names have the word for a side while no joint has the name for the other side."""
    pairs = find_pairs(joints)
    return [joint for joint in joints if joint not in pairs and _has_side(joint)]


def _has_side(joint: str) -> bool:
    words = [token.lower() for token in _TOKEN.findall(joint)]
    ends = words[:1] + words[-1:]
    return not _WORDS.keys().isdisjoint(words) or not _LETTERS.keys().isdisjoint(ends)


def _first_known(joint: str, known: dict[str, str]) -> str:
    for name in _mirrored_names(joint):
        found = known.get(name) or known.get(name.lower())
        if found and found != joint:
            return found
    return ""


def _mirrored_names(joint: str) -> Iterator[str]:
    """Yield the names that the partner of a joint may have, the surest first."""
    tokens = _TOKEN.findall(joint)
    for sides in (_WORDS, _LETTERS):
        swapped = [_like(token, sides[token.lower()]) if token.lower() in sides else token for token in tokens]
        for place, token in enumerate(swapped):
            yield "".join([*tokens[:place], token, *tokens[place + 1 :]])
        yield "".join(swapped)
    for sides in (_WORDS, _LETTERS):
        for place, token in enumerate(tokens):
            for side, other in sides.items():
                length = len(side)
                if token.lower().startswith(side):
                    changed = _like(token[:length], other) + token[length:]
                    yield "".join([*tokens[:place], changed, *tokens[place + 1 :]])
                if token.lower().endswith(side):
                    changed = token[:-length] + _like(token[-length:], other)
                    yield "".join([*tokens[:place], changed, *tokens[place + 1 :]])


def _like(word: str, other: str) -> str:
    """Return `other` in the capitals of a word."""
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[:1].isupper() else other
