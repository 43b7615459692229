"""Whether a data set in COCO's layout is whole: its numbers, every picture, every mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path, PurePosixPath

import numpy as np
from tqdm import tqdm

from ..._compat import available_cores
from ...errors import DataError, quote
from ...files import atomic_path, is_name_within
from ...opencv import cv2
from ...tables import format_table
from ..annotations.index import AnnotationIndex
from ..coco import CocoKeypoints
from ..records import ImageRecord

_SHOWN = 10  # problems that are listed; all of them are counted


@dataclass(frozen=True)
class Counts:
    """What the annotations of a split say.

    Attributes
    ----------
    images
        Images.
    with_people
        Those with a person or a crowd in them.
    people
        People, crowds included.
    with_keypoints
        Those of them with a labelled joint.
    crowds
        Regions of people who were not told apart.
    """

    images: int
    with_people: int
    people: int
    with_keypoints: int
    crowds: int


# The keypoint annotations of COCO 2017, Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014.
PUBLISHED = {
    "val2017": {"images": 5_000, "with_people": 2_693, "with_keypoints": 6_352},
    "train2017": {"images": 118_287, "with_people": 64_115, "with_keypoints": 149_813},
}


@dataclass(frozen=True)
class SplitReport:
    """What was found in a split.

    Attributes
    ----------
    split
        Its name.
    counts
        What its annotations say.
    masked_images
        Images with a mask: with a crowd, or somebody without keypoints.
    masked_pixels
        The share of the pixels of all images on which the loss does not count, 0 to 1.
    problems
        Of the first problems a line each.
    problem_count
        How many problems there are.
    """

    split: str
    counts: Counts
    masked_images: int
    masked_pixels: float
    problems: tuple[str, ...]
    problem_count: int


@dataclass(frozen=True)
class _Finding:
    """What was found in one image; `png` is the file of its mask, if that is asked for."""

    problems: tuple[str, ...]
    has_mask: bool
    masked: int
    png: bytes | None


def count_people(index: AnnotationIndex) -> Counts:
    """Count what the annotations of a split say."""
    return Counts(
        images=len(index.image_ids),
        with_people=int(np.count_nonzero(np.diff(index.people_offsets))),
        people=len(index.areas),
        with_keypoints=int(np.count_nonzero((index.keypoints[..., 2] > 0).any(axis=1))),
        crowds=int(np.count_nonzero(index.crowds)),
    )


def verify_split(
    dataset: CocoKeypoints, decode: bool = True, masks: str | Path | None = None, progress: bool = False
) -> SplitReport:
    """Check a split: read every picture and draw every mask.

    The numbers are compared with the published ones if the split is one of COCO 2017's and has all its images; of a
    subset they are only counted.

    Parameters
    ----------
    dataset
        The split.
    decode
        Whether to read every picture: a whole file, of the size in the annotations.
        If not, it is only looked whether it is there.
    masks
        A folder to write the masks to, as 8-bit PNG with the names of the images: 0 where the loss does not count,
        255 elsewhere. Images in which it counts everywhere have none. By default none are written.
    progress
        Whether to show a progress bar.

    Returns
    -------
    SplitReport
        Broken and missing pictures and broken outlines are no errors here but listed in it.

    Raises
    ------
    DataError
        If a mask would be written outside the folder.
    """
    counts = count_people(dataset.index)
    problems = [*_differences(dataset, counts), *dataset.index.remarks]
    masked_images = masked = 0
    records = dataset.records
    with tqdm(total=len(records), desc=dataset.split, unit="image", disable=not progress) as bar:
        for row, finding in enumerate(_findings(records, decode, masks is not None)):
            problems.extend(finding.problems)
            masked_images = masked_images + finding.has_mask
            masked = masked + finding.masked
            if masks is not None and finding.png is not None:
                # Here and not in the threads: the mode of the file comes from the umask, which they share.
                with atomic_path(_mask_path(Path(masks), dataset.index.name(row)), flush=False) as temporary:
                    temporary.write_bytes(finding.png)
            bar.update()
    pixels = int(np.prod(dataset.index.sizes, axis=1).sum())
    shown = tuple(problems[:_SHOWN])
    return SplitReport(dataset.split, counts, masked_images, masked / max(pixels, 1), shown, len(problems))


def report_table(reports: Sequence[SplitReport]) -> str:
    """Return the findings as a table, and the problems below it, a line each."""
    rows = [_row(report) for report in reports]
    lines = [format_table([list(rows[0]), *(list(row.values()) for row in rows)])]
    for report in reports:
        lines += [f"{report.split}: {problem}" for problem in report.problems]
        more = report.problem_count - len(report.problems)
        lines += [f"{report.split}: and {more} more"] if more else []
    return "\n".join(lines)


def check_reports(reports: Sequence[SplitReport]) -> None:
    """Make sure that nothing is wrong.

    Raises
    ------
    DataError
        If there are problems.
    """
    found = [f"{report.problem_count:,} in {report.split}" for report in reports if report.problem_count]
    if found:
        raise DataError(
            f"problems: {', '.join(found)}, see above; delete broken pictures to get them with the next run"
        )


def _row(report: SplitReport) -> dict[str, str]:
    """Return the cells of a report by the headings of their columns."""
    counts = report.counts
    return {
        "split": report.split,
        "images": f"{counts.images:,}",
        "with people": f"{counts.with_people:,}",
        "people": f"{counts.people:,}",
        "with keypoints": f"{counts.with_keypoints:,}",
        "crowds": f"{counts.crowds:,}",
        "masked images": f"{report.masked_images / max(counts.images, 1):.2%}",
        "masked pixels": f"{report.masked_pixels:.2%}",
        "problems": f"{report.problem_count:,}",
    }


def _differences(dataset: CocoKeypoints, counts: Counts) -> list[str]:
    """Return in words how a split differs from the published one; nothing if it is another one, or a part of it."""
    published = PUBLISHED.get(dataset.split)
    if published is None or published["images"] != counts.images:
        return []
    words = {"with_people": "images with people", "with_keypoints": "people with keypoints"}
    return [
        f"{dataset.annotation_file}: {getattr(counts, name):,} {word}, published are {published[name]:,}"
        for name, word in words.items()
        if getattr(counts, name) != published[name]
    ]


def _findings(records: Sequence[ImageRecord], decode: bool, encode: bool) -> Iterator[_Finding]:
    """Yield what is found in the images, in their order; threads look, as OpenCV releases Python's lock."""
    look = partial(_look, records, decode, encode)
    with ThreadPool(available_cores()) as pool:
        try:
            yield from pool.imap(look, range(len(records)), chunksize=8)
        finally:
            pool.terminate()
            pool.join()  # threads within OpenCV at the end of the process would abort it


def _look(records: Sequence[ImageRecord], decode: bool, encode: bool, row: int) -> _Finding:
    record = records[row]
    problems = []
    mask = None
    png = None
    try:
        _check_picture(record, decode)
    except DataError as error:
        problems.append(str(error))
    try:
        mask = record.mask_miss()
    except DataError as error:
        problems.append(str(error))
    masked = 0 if mask is None else int(mask.size - np.count_nonzero(mask))
    if encode and mask is not None:
        png = cv2.imencode(".png", np.ascontiguousarray(mask))[1].tobytes()
    return _Finding(tuple(problems), mask is not None, masked, png)


def _check_picture(record: ImageRecord, decode: bool) -> None:
    if not decode:
        if not record.path.is_file():
            raise DataError(f"{record.path}: cannot read the image (No such file or directory)")
        return
    record.read_bgr()


def _mask_path(folder: Path, name: str) -> Path:
    """Return where the mask of an image belongs; its name comes from the annotations and may say anything."""
    if not is_name_within(name):
        raise DataError(f"{quote(name)}: not the name of an image within its folder, its mask is not written")
    return folder / PurePosixPath(name).with_suffix(".png")
