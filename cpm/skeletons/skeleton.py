"""A body: which joints there are, which limbs join them and what changes sides in a mirror."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..errors import ConfigError, quote
from ..sides import find_pairs


@dataclass(frozen=True)
class Skeleton:
    """A body, declared by the names of its joints.

    Joints whose names differ by left and right, as ``left_hip`` and ``right_hip`` or ``LHip`` and ``RHip``, change
    places in a mirror image, see :func:`cpm.sides.find_pairs`; every other joint stays. `flip_pairs` says it otherwise.

    Attributes
    ----------
    name
        The name it is stored under in checkpoints.
    joints
        K names in the order of the heatmap channels.
    limbs
        L pairs of joint names, from A to B, in the order of the PAF channels: limb k owns the
        channels 2k (x) and 2k + 1 (y). With every limb its mirror image must be there too.
    sigmas
        K constants of the object keypoint similarity (OKS), empty where none are defined.
    derived
        Joints that :func:`cpm.skeletons.convert` may compute as the mean of others, e.g. the neck from both shoulders.
    flip_pairs
        The pairs of joints that change places in a mirror image, all of them; None goes by their names.

    Raises
    ------
    ConfigError
        If a limb names an unknown joint or lacks its mirror image, or a sigma is not above 0 or their number wrong.

    Examples
    --------
    >>> arrow = Skeleton("arrow", ("tip", "left_fin", "right_fin"), (("tip", "left_fin"), ("tip", "right_fin")))
    >>> arrow.flip_joints
    array([0, 2, 1])
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...]
    sigmas: tuple[float, ...] = ()
    derived: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    flip_pairs: tuple[tuple[str, str], ...] | None = None

    def __post_init__(self) -> None:
        if not self.joints:
            raise ConfigError(f"skeleton {self.name!r:.100}: it has no joints")
        for limb in self.limbs:
            if len(limb) != 2 or limb[0] == limb[1]:
                raise ConfigError(f"skeleton {self.name!r:.100}: limb {limb!r:.100} does not join two joints")
        if len(set(self.joints)) != len(self.joints):
            raise ConfigError(f"skeleton {quote(self.name)}: a joint is named twice in {quote(self.joints)}")
        if self.sigmas and len(self.sigmas) != len(self.joints):
            raise ConfigError(f"skeleton {quote(self.name)}: {len(self.sigmas)} sigmas for {len(self.joints)} joints")
        if not all(0 < sigma < math.inf for sigma in self.sigmas):
            raise ConfigError(
                f"skeleton {quote(self.name)}: the sigmas are {quote(self.sigmas)}, expected numbers above 0"
            )
        self._check_flip_pairs()
        self._check_limbs()

    def _check_limbs(self) -> None:
        """Make sure that limbs join joints, and that each has a mirror image."""
        known = set(self.joints)
        for limb in self.limbs:
            if not known.issuperset(limb):
                raise ConfigError(
                    f"skeleton {quote(self.name)}: limb {quote(limb)} joins unknown joints; known: {quote(self.joints)}"
                )
            mirrored = self._mirrored(limb)
            if mirrored not in self.limbs and mirrored[::-1] not in self.limbs:
                raise ConfigError(
                    f"skeleton {quote(self.name)}: limb {quote(limb)} has no mirror image {quote(mirrored)}"
                )

    def _check_flip_pairs(self) -> None:
        """Make sure that both of ``left_…`` and ``right_…`` are there, or the given pairs are pairs of joints."""
        if self.flip_pairs is None:
            for joint in self.joints:
                if joint.startswith(("left_", "right_")) and joint not in self.partners:
                    side, other = ("left_", "right_") if joint.startswith("left_") else ("right_", "left_")
                    partner = joint.replace(side, other, 1)
                    raise ConfigError(
                        f"skeleton {quote(self.name)}: joint {quote(joint)} has no mirror image {quote(partner)}"
                    )
            return
        named = [joint for pair in self.flip_pairs for joint in pair]
        pairs = all(len(pair) == 2 for pair in self.flip_pairs)
        if not pairs or len(set(named)) < len(named) or not set(named) <= set(self.joints):
            raise ConfigError(
                f"skeleton {quote(self.name)}: flip_pairs {quote(self.flip_pairs)}, expected pairs of its joints"
            )

    @property
    def num_joints(self) -> int:
        """K."""
        return len(self.joints)

    @property
    def num_limbs(self) -> int:
        """L."""
        return len(self.limbs)

    @cached_property
    def limb_joints(self) -> np.ndarray:
        """(L, 2) int32: the joints A and B of every limb."""
        index = {name: k for k, name in enumerate(self.joints)}
        return np.array([[index[a], index[b]] for a, b in self.limbs], np.int32).reshape(-1, 2)

    @cached_property
    def partners(self) -> Mapping[str, str]:
        """The joint that each of those who change sides changes places with."""
        if self.flip_pairs is None:
            return find_pairs(self.joints)
        return dict(pair for a, b in self.flip_pairs for pair in ((a, b), (b, a)))

    def with_sigmas(self, sigmas: Sequence[float]) -> Skeleton:
        """Return the body with other sigmas, of which a single one is for all joints.

        Raises
        ------
        ConfigError
            If their number is neither 1 nor K, or one is not above 0.
        """
        given = tuple(sigmas)
        return replace(self, sigmas=given * self.num_joints if len(given) == 1 else given)

    def _mirrored(self, limb: tuple[str, str]) -> tuple[str, str]:
        return self.partners.get(limb[0], limb[0]), self.partners.get(limb[1], limb[1])

    @cached_property
    def flip_joints(self) -> np.ndarray:
        """(K,) int: the joint of the mirror image that belongs at each place."""
        return np.array([self.joints.index(self.partners.get(name, name)) for name in self.joints])

    @cached_property
    def flip_pafs(self) -> tuple[np.ndarray, np.ndarray]:
        """(2L,) int channels of the mirrored PAFs that belong at each place, and their (2L,) float32 signs.

        The x components change sign; where the mirror image of a limb runs from B to A, both do.
        """
        channels: list[int] = []
        signs: list[int] = []
        for pair in self.limbs:
            mirrored = self._mirrored(pair)
            forward = mirrored in self.limbs
            limb = self.limbs.index(mirrored if forward else mirrored[::-1])
            channels += [2 * limb, 2 * limb + 1]
            signs += [-1, 1] if forward else [1, -1]
        return np.array(channels, int), np.array(signs, np.float32)
