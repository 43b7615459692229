"""What the tests share: where the real data is, small data sets, and how a script is run."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from cpm.skeletons import COCO_17

from .helpers.server import running_server

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real images, annotations and networks; tests that ask for it skip where it is absent."""
    folder = Path(os.environ.get("CPM_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set CPM_TEST_DATA)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """Keep what cpm keeps between runs in a folder of this process, not in that of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CPM_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def run_script():
    """Run `scripts/NAME` with arguments as a user does; returns the finished process with its output as text."""

    def run(name: str, *arguments: object, timeout: float = 300) -> subprocess.CompletedProcess:
        command = [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout)

    return run


def person(x: float, y: float, height: float, **fields: object) -> dict:
    """Annotate an upright person whose box has this centre and height, all joints visible."""
    rng = np.random.default_rng(int(x + y))
    joints = np.column_stack([x + height * rng.uniform(-0.2, 0.2, 17), y + height * np.linspace(-0.45, 0.45, 17)])
    left, top, width = x - height / 4, y - height / 2, height / 2
    box = [left, top, left + width, top, left + width, top + height, left, top + height]
    annotation = {
        "category_id": 1,
        "bbox": [left, top, width, height],
        "area": width * height,
        "iscrowd": 0,
        "keypoints": np.column_stack([joints, np.full(17, 2)]).ravel().tolist(),
        "num_keypoints": 17,
        "segmentation": [box],
    }
    return {**annotation, **fields}


def write_coco_to(root: Path, images: list, split: str = "train2017", size: tuple = (160, 120)) -> Path:
    """Write a data set in COCO's layout: a list of people for every image; returns its root."""
    (root / split).mkdir()
    (root / "annotations").mkdir(exist_ok=True)
    width, height = size
    content = {
        "images": [
            {"id": k + 1, "file_name": f"{k + 1:012d}.jpg", "width": width, "height": height}
            for k in range(len(images))
        ],
        "annotations": [
            {**annotation, "image_id": k + 1, "id": 100 * (k + 1) + n}
            for k, people in enumerate(images)
            for n, annotation in enumerate(people)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints), "skeleton": []}],
    }
    for image in content["images"]:
        pixels = np.random.default_rng(image["id"]).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
        cv2.imwrite(str(root / split / image["file_name"]), cv2.resize(pixels, size))
    (root / "annotations" / f"person_keypoints_{split}.json").write_text(json.dumps(content))
    return root


@pytest.fixture
def write_coco(tmp_path):
    """`write_coco_to` the folder of the test."""
    return partial(write_coco_to, tmp_path)


@pytest.fixture
def server(monkeypatch):
    """Start a server; the URL of it, its handler class and what it was asked."""
    with running_server(monkeypatch) as handler:
        yield handler
