"""What the stages of a bottom-up network predict, and how one stage sees the maps of the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...codecs import HEATMAPS, PAFS, REFINEMENTS, MapKind
from ...errors import ConfigError, quote
from ...skeletons import Skeleton


def join(F: Any, *maps: Any) -> Any:
    """Concatenate maps (B, C, h, w), and features, along the channels, so that gradients can go back.

    The slice is of all channels. Without it oneDNN hands the gradient back in blocks of 16 or 8 channels, where their
    sum is a multiple of that, and cannot cut it where a map ends within a block: the process would die of a division
    by zero. What comes back through a slice lies channel after channel.
    """
    return F.slice_axis(F.concat(*maps, dim=1), axis=1, begin=0, end=None)


@dataclass(frozen=True)
class Heads:
    """The kinds of maps of a stage, which come out of two branches: the PAFs of one, all others of the other.

    Attributes
    ----------
    skeleton
        With K joints and L limbs.
    refinements
        Those of :data:`cpm.codecs.REFINEMENTS` that it predicts.
    sigmoid
        Whether heatmaps are squeezed to (0, 1), as the cross entropy needs them; later stages see them as they were.

    Raises
    ------
    ConfigError
        If the skeleton has no limbs.
    """

    skeleton: Skeleton
    refinements: tuple[MapKind, ...] = ()
    sigmoid: bool = False

    @classmethod
    def of_options(cls, skeleton: Skeleton, options: Mapping[str, Any]) -> Heads:
        """Return what a network with these options predicts, which have the names of `OPTIONS`.

        Raises
        ------
        ConfigError
            If one is neither true nor false, or the skeleton has no limbs.
        """
        for name in OPTIONS:
            if not isinstance(options[name], bool):
                raise ConfigError(f"{name}={quote(options[name])}, expected True or False")
        return cls(skeleton, tuple(kind for kind in REFINEMENTS if options[kind.name]), options["sigmoid"])

    def __post_init__(self) -> None:
        if not self.skeleton.limbs:
            raise ConfigError(
                f"skeleton {quote(self.skeleton.name)} has no limbs, which join the joints of whole images to people; "
                "declare some, or train a network for one person in a box (cpm train-topdown)"
            )

    @property
    def beside_pafs(self) -> tuple[MapKind, ...]:
        """The kinds of maps of the second branch."""
        return (HEATMAPS, *self.refinements)

    @property
    def kinds(self) -> tuple[MapKind, ...]:
        """The kinds of maps of a stage."""
        return (PAFS, *self.beside_pafs)

    @property
    def pafs(self) -> int:
        """Channels of the first branch."""
        return PAFS.channels(self.skeleton)

    @property
    def heatmaps(self) -> int:
        """Channels of the second branch."""
        return sum(self._sizes())

    def split(self, F: Any, pafs: Any, others: Any) -> list[Any]:
        """Return the maps that `kinds` lists, of what the two branches return."""
        maps = [pafs]
        begin = 0
        for kind, size in zip(self.beside_pafs, self._sizes()):
            of_kind = others
            if len(self.beside_pafs) > 1:
                of_kind = F.slice_axis(others, axis=1, begin=begin, end=begin + size)
            maps.append(F.sigmoid(of_kind) if self.sigmoid and kind.is_probability else of_kind)
            begin += size
        return maps

    def _sizes(self) -> Sequence[int]:
        return [kind.channels(self.skeleton) for kind in self.beside_pafs]


OPTIONS = {**{kind.name: False for kind in REFINEMENTS}, "sigmoid": False}  # of every such network
