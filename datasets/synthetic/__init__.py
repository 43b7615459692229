"""Embedded synthetic people: pictures of jointed bodies with the annotations of COCO, made on the spot.

They stand in for a real data set where there is none: to try the whole way from training to the score in
minutes, and in tests. `SyntheticPeople` draws single pictures, `write_synthetic` a data set in the layout of
COCO 2017, which the reader of COCO then reads like the real one.
"""

from .pictures import SyntheticPeople
from .write import write_synthetic

__all__ = ["SyntheticPeople", "write_synthetic"]
