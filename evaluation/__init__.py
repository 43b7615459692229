"""Scores of people found in images."""

from .coco import FIGURES, format_scores, oracle_coco, people_to_results, score_coco
from .evaluate import evaluate_coco
from .mpii import pckh
from .protocol import Protocol, choose_protocol
from .quantizing import accuracy_report, spread_images
from .subsets import select_images

__all__ = [
    "FIGURES",
    "Protocol",
    "accuracy_report",
    "choose_protocol",
    "evaluate_coco",
    "format_scores",
    "oracle_coco",
    "pckh",
    "people_to_results",
    "score_coco",
    "select_images",
    "spread_images",
]
