"""Which of the people that a decoder finds are sure enough to be shown: it keeps weak ones, for scores count them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import ConfigError
from ..person import Person


@dataclass(frozen=True)
class Selection:
    """What people must have to be shown; evaluations take everybody.

    Attributes
    ----------
    min_score
        Least score of a person, 0 to 1.
    min_joints
        Fewest joints that are sure enough.
    min_joint_score
        Least score of a joint, 0 to 1; others are taken for not found.

    Raises
    ------
    ConfigError
        If one is out of its range.
    """

    min_score: float = 0.0
    min_joints: int = 1
    min_joint_score: float = 0.0

    def __post_init__(self) -> None:
        for name in ("min_score", "min_joint_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}={getattr(self, name)}, expected a number from 0 to 1")
        if self.min_joints < 1:
            raise ConfigError(f"min_joints={self.min_joints}, expected 1 or more")

    def __call__(self, people: Iterable[Person]) -> list[Person]:
        """Return those who are sure enough, without their other joints, in their order."""
        sure = [self._sure_part(person) for person in people if person.score >= self.min_score]
        return [person for person in sure if person.found.sum() >= self.min_joints]

    def _sure_part(self, person: Person) -> Person:
        keypoints = person.keypoints.copy()
        keypoints[keypoints[:, 2] < self.min_joint_score] = 0
        return replace(person, keypoints=keypoints)
