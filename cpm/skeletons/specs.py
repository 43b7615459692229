"""Bodies as plain dictionaries, as checkpoints keep them, and by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, quote
from .bodies import SKELETONS
from .skeleton import Skeleton


def skeleton_to_spec(skeleton: Skeleton) -> dict[str, Any]:
    """Return the skeleton as a dictionary fit for JSON."""
    spec: dict[str, Any] = {
        "name": skeleton.name,
        "joints": list(skeleton.joints),
        "limbs": [list(limb) for limb in skeleton.limbs],
        "sigmas": list(skeleton.sigmas),
        "derived": {joint: list(parents) for joint, parents in skeleton.derived.items()},
    }
    if skeleton.flip_pairs is not None:
        spec["flip_pairs"] = [list(pair) for pair in skeleton.flip_pairs]
    return spec


def skeleton_from_spec(spec: Skeleton | str | Mapping[str, Any]) -> Skeleton:
    """Return the skeleton that is given as itself, by a known name or as the dictionary of :func:`skeleton_to_spec`.

    Raises
    ------
    ConfigError
        If the name is unknown or the dictionary does not describe a skeleton.
    """
    if isinstance(spec, Skeleton):
        return spec
    if isinstance(spec, str):
        if spec not in SKELETONS:
            raise ConfigError(f"skeleton {quote(spec)} is unknown, expected one of {sorted(SKELETONS)}")
        return SKELETONS[spec]
    try:
        pairs = spec.get("flip_pairs")
        derived = spec.get("derived", {})
        return Skeleton(
            name=str(spec["name"]),
            joints=tuple(str(joint) for joint in spec["joints"]),
            limbs=tuple((str(a), str(b)) for a, b in spec["limbs"]),
            sigmas=tuple(float(sigma) for sigma in spec.get("sigmas", ())),
            derived={str(joint): tuple(map(str, parents)) for joint, parents in derived.items()},
            flip_pairs=None if pairs is None else tuple((str(a), str(b)) for a, b in pairs),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        problem = f"lacks or garbles {quote(error)}; found {quote(spec)}"
        raise ConfigError(f"the description of a skeleton {problem}") from None
