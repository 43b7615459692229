"""Data sets: images with people, and the training samples made of them."""

from .coco import CocoKeypoints
from .given import GivenKeypoints
from .images.listing import list_images, name_some
from .images.reading import read_image
from .keypoint_data import BoxedPerson, KeypointData
from .layouts import DATASETS, DataRef, Layout, open_dataset, register_dataset
from .mpii import MpiiPeople, MpiiPerson
from .packed.packed_keypoints import PackedKeypoints, write_packed
from .records import ImageRecord, PersonAnnotation
from .samples.loader import BatchLoader
from .samples.person_crops import CropAugmentation, PersonBox, box_of, crop_warp, matches_box, mpii_box_of
from .samples.person_set import PersonChoice, PersonSet
from .samples.sample_set import Sample, SampleSet
from .samples.training_set import PersonFilter, TrainingSet
from .samples.transforms import Augmentation, Warp

__all__ = [
    "DATASETS",
    "Augmentation",
    "BatchLoader",
    "BoxedPerson",
    "CocoKeypoints",
    "CropAugmentation",
    "DataRef",
    "GivenKeypoints",
    "ImageRecord",
    "KeypointData",
    "Layout",
    "MpiiPeople",
    "MpiiPerson",
    "PackedKeypoints",
    "PersonAnnotation",
    "PersonBox",
    "PersonChoice",
    "PersonFilter",
    "PersonSet",
    "Sample",
    "SampleSet",
    "TrainingSet",
    "Warp",
    "box_of",
    "crop_warp",
    "list_images",
    "matches_box",
    "mpii_box_of",
    "name_some",
    "open_dataset",
    "read_image",
    "register_dataset",
    "write_packed",
]
