"""Data sets: images with people, and the training samples made of them."""

from .coco import CocoKeypoints
from .given import GivenKeypoints
from .image_list import list_images, name_some
from .images import read_image
from .keypoint_data import BoxedPerson, KeypointData
from .loader import BatchLoader
from .mpii import MpiiPeople, MpiiPerson
from .opening import DATASETS, DataRef, Layout, open_dataset, register_dataset
from .packed import PackedKeypoints, write_packed
from .person_crops import CropAugmentation, PersonBox, box_of, crop_warp, matches_box, mpii_box_of
from .person_set import PersonChoice, PersonSet
from .records import ImageRecord, PersonAnnotation
from .sample_set import Sample, SampleSet
from .training_set import PersonFilter, TrainingSet
from .transforms import Augmentation, Warp

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
