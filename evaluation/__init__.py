"""Scores of people found in images."""

from .boxes import ImageBoxes, annotated_boxes, detected_boxes, mpii_boxes
from .coco import FIGURES, format_scores, oracle_coco, people_to_results, score_coco
from .evaluate import evaluate_coco, evaluate_crowd
from .localisation import localisation_error
from .mpii import MpiiTruth, format_pckh, pckh, read_mpii_truth, score_mpii, truth_of_people
from .mpii_crowd import evaluate_mpii_crowd
from .nms import oks_matrix, oks_nms, rescore
from .protocols import PROTOCOLS, NamedProtocol, apply_protocol
from .quantizing import accuracy_report, spread_images
from .reports import output_folder
from .sigmas import apply_sigmas
from .subsets import select_images
from .topdown import evaluate_boxes, evaluate_mpii, evaluate_people

__all__ = [
    "FIGURES",
    "PROTOCOLS",
    "ImageBoxes",
    "MpiiTruth",
    "NamedProtocol",
    "accuracy_report",
    "annotated_boxes",
    "apply_protocol",
    "apply_sigmas",
    "detected_boxes",
    "evaluate_boxes",
    "evaluate_coco",
    "evaluate_crowd",
    "evaluate_mpii",
    "evaluate_mpii_crowd",
    "evaluate_people",
    "format_pckh",
    "format_scores",
    "localisation_error",
    "mpii_boxes",
    "oks_matrix",
    "oks_nms",
    "oracle_coco",
    "output_folder",
    "pckh",
    "people_to_results",
    "read_mpii_truth",
    "rescore",
    "score_coco",
    "score_mpii",
    "select_images",
    "spread_images",
    "truth_of_people",
]
