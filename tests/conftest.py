"""What the tests share: where the real data is, and how a script is run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real images, annotations and networks; tests that ask for it skip where it is absent."""
    folder = Path(os.environ.get("CPM_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set CPM_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def run_script():
    """Run `scripts/NAME` with arguments as a user does; returns the finished process with its output as text."""

    def run(name: str, *arguments: object, timeout: float = 300) -> subprocess.CompletedProcess:
        command = [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout)

    return run
