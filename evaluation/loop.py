"""The one loop of all evaluations: read, look, time, draw, collect, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..errors import DataError
from ..inference import Estimator
from ..outputs import writing
from .evaluator import Evaluator
from .reports import EVALUATION, Gallery, Report, write_report
from .scenes import Scene

logger = logging.getLogger(__name__)


def run(
    estimator: Estimator, scenes: Sequence[Scene], evaluator: Evaluator, report: Report | None = None
) -> dict[str, Any]:
    """Score an estimator on images.

    A picture that cannot be read is warned of, counted and scored as one without detections.

    Parameters
    ----------
    estimator
        Finds the people.
    scenes
        The images, with boxes if the estimator needs them.
    evaluator
        Scores the people; it has seen none before.
    report
        What to leave behind and to show; by default nothing but a progress bar.

    Returns
    -------
    dict
        The figures of the evaluator.

    Raises
    ------
    DataError
        If not one of the pictures can be read.
    ConfigError
        If the output of the report is not a folder to write these results to.
    CpmError
        What `Report.check` and the evaluator raise.
    """
    report = report or Report()
    report.check()
    options = {**estimator.settings(), **evaluator.settings(), **report.notes}
    with writing(report.output, EVALUATION, options) as draft:
        gallery = Gallery(draft.folder / "viz" if draft is not None and report.viz else None, report.show)
        skipped, seconds = _look(estimator, scenes, evaluator, gallery, report.progress)
        figures = evaluator.evaluate()
        logger.info("%d images, %d skipped, %.3g s per image", len(scenes), len(skipped), seconds)
        if draft is not None:
            people = sum(len(scene.boxes or scene.rows) for scene in scenes)
            protocol = {**options, "images": len(scenes), "people": people or None}
            metrics = {**figures, "protocol": protocol, "skipped": skipped, "seconds_per_image": seconds}
            write_report(draft, evaluator.results, metrics, gallery)
    return figures


def _look(
    estimator: Estimator, scenes: Sequence[Scene], evaluator: Evaluator, gallery: Gallery, progress: bool
) -> tuple[list[int], float]:
    """Look at all images; return the ids of those that cannot be read, and the seconds that each of the others took."""
    skipped = []
    seconds = 0.0
    with logging_redirect_tqdm():
        for scene in tqdm(scenes, unit="image", disable=not progress):
            try:
                image = scene.read()
            except DataError as error:
                logger.warning("skipped: %s", error)
                skipped.append(scene.image_id)
                evaluator.process(scene, [])
                continue
            start = time.perf_counter()
            look = estimator.look(image, scene.boxes)
            seconds += time.perf_counter() - start
            evaluator.process(scene, look.people)
            if gallery.is_open:
                gallery.add(scene.image_id, look.panels(), bool(look.people))
    if len(skipped) == len(scenes):
        raise DataError(f"none of the {len(scenes)} images of {scenes[0].path.parent} can be read")
    return skipped, seconds / (len(scenes) - len(skipped))
