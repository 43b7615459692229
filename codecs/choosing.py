"""Which codec belongs to a network, by the kinds of its maps."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from ..errors import ConfigError
from ..skeletons import Skeleton
from .maps import HEATMAPS, JOINT_HEATMAPS, PAFS, MapKind
from .offset import OFFSETS, OffsetCodec
from .paf import PafCodec
from .rules import DecodeRules

# The kinds of maps that may come with PAFs and heatmaps, and the codec that reads them.
REFINEMENTS: dict[MapKind, type[PafCodec]] = {OFFSETS: OffsetCodec}
KINDS = (PAFS, HEATMAPS, *REFINEMENTS)  # of bottom-up networks, in the order in which they return them


class Network(Protocol):
    """What a codec must know of a network."""

    @property
    def skeleton(self) -> Skeleton:
        """The body."""

    @property
    def stride(self) -> int:
        """Pixels of the input per cell."""

    @property
    def kinds(self) -> tuple[tuple[MapKind, ...], ...]:
        """Of the maps of each stage."""


def kinds_of(names: Iterable[str]) -> tuple[MapKind, ...]:
    """Return the kinds of the maps of a stage by their names; heatmaps without PAFs are of one person in a crop.

    Raises
    ------
    ConfigError
        If a name is unknown.
    """
    names = tuple(names)
    known: dict[str, MapKind] = {kind.name: kind for kind in KINDS}
    if names == (JOINT_HEATMAPS.name,):
        return (JOINT_HEATMAPS,)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(f"a kind of maps is called {unknown[0]!r}, expected one of {', '.join(known)}")
    return tuple(known[name] for name in names)


def bottom_up_codec(
    net: Network,
    sigma: float = 7.0,
    paf_width: float = 1.0,
    rules: DecodeRules | None = None,
    unread: Collection[MapKind] = (),
) -> PafCodec:
    """Return the codec for the maps of a network that finds everybody in an image, with offsets if it has them.

    Parameters
    ----------
    net
        The network, of Gluon or exported.
    sigma, paf_width, rules
        See `PafCodec`.
    unread
        Those of `REFINEMENTS` that the network has and that are left unread.

    Raises
    ------
    ConfigError
        If maps are to be left unread that the network does not have.
    """
    for kind in unread:
        if kind not in net.kinds[-1]:
            raise ConfigError(f"no {kind.name}: the network has none, its joints are read from the heatmaps anyway")
    read = [codec for kind, codec in REFINEMENTS.items() if kind in net.kinds[-1] and kind not in unread]
    codec = read[-1] if read else PafCodec
    return codec(net.skeleton, net.stride, sigma, paf_width, rules or DecodeRules())
