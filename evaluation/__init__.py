"""Scores of people found in images."""

from .accuracy import accuracy_report, spread_images
from .evaluate import METRICS, Choice, evaluate_coco, evaluate_dataset
from .evaluator import Evaluator
from .localisation import localisation_error
from .loop import run
from .mpii_truth import MpiiTruth, read_mpii_truth, truth_of_people
from .nms import oks_matrix, oks_nms, rescore
from .oks_evaluator import BoxOksEvaluator, OksEvaluator
from .oks_scores import FIGURES, format_scores, score_coco, score_files
from .pckh_evaluator import PckhEvaluator, in_order, nearest
from .pckh_scores import format_pckh, pckh, score_mpii
from .protocols import PROTOCOLS, NamedProtocol, apply_protocol, describe_protocols
from .reports import Report, output_folder
from .results import people_to_results
from .round_trip import oracle_coco
from .scenes import Scene, annotated_boxes, detected_boxes, mpii_images, whole_images
from .sigmas import apply_sigmas
from .subsets import select_images

__all__ = [
    "FIGURES",
    "METRICS",
    "PROTOCOLS",
    "BoxOksEvaluator",
    "Choice",
    "Evaluator",
    "MpiiTruth",
    "NamedProtocol",
    "OksEvaluator",
    "PckhEvaluator",
    "Report",
    "Scene",
    "accuracy_report",
    "annotated_boxes",
    "apply_protocol",
    "apply_sigmas",
    "describe_protocols",
    "detected_boxes",
    "evaluate_coco",
    "evaluate_dataset",
    "format_pckh",
    "format_scores",
    "in_order",
    "localisation_error",
    "mpii_images",
    "nearest",
    "oks_matrix",
    "oks_nms",
    "oracle_coco",
    "output_folder",
    "pckh",
    "people_to_results",
    "read_mpii_truth",
    "rescore",
    "run",
    "score_coco",
    "score_files",
    "score_mpii",
    "select_images",
    "spread_images",
    "truth_of_people",
    "whole_images",
]
