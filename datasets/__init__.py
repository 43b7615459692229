"""Data sets: images with people, and the training samples made of them."""

from .coco import CocoKeypoints, ImageRecord, PersonAnnotation
from .images import list_images, read_image
from .loader import BatchLoader
from .training_set import Example, PersonFilter, TrainingSet
from .transforms import Augmentation, Warp

__all__ = [
    "Augmentation",
    "BatchLoader",
    "CocoKeypoints",
    "Example",
    "ImageRecord",
    "PersonAnnotation",
    "PersonFilter",
    "TrainingSet",
    "Warp",
    "list_images",
    "read_image",
]
