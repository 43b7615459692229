"""The Dockerfile keeps to what images are expected to be: pinned, small, and run by nobody of importance."""

import re

from .conftest import ROOT

TEXT = (ROOT / "Dockerfile").read_text()
# One instruction each, its name and what follows, without comments and continued lines in one.
LINES = [
    line.split(maxsplit=1)
    for line in re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    if line.strip()
]


def of(name):
    return [rest for instruction, rest in LINES if instruction == name]


def test_every_line_is_an_instruction():
    known = {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}
    assert LINES[0][0] == "FROM" and {instruction for instruction, _ in LINES} <= known


def test_the_base_is_pinned_and_one():
    images = {rest.split()[0] for rest in of("FROM")}
    assert len(images) == 1 and re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", images.pop())


def test_no_lists_or_downloads_stay():
    installing = [line for line in of("RUN") if "apt-get" in line]
    assert len(installing) == 2
    for line in installing:
        assert "apt-get update" in line and "--no-install-recommends" in line
        assert line.endswith("rm -rf /var/lib/apt/lists/*")
    assert all("--no-cache-dir" in line for line in of("RUN") if re.match(r"pip\b", line))


def test_no_compiler_is_in_the_image():
    last = max(place for place, (instruction, _) in enumerate(LINES) if instruction == "FROM")
    assert not any("gcc" in rest for _, rest in LINES[last:]) and any("gcc" in rest for _, rest in LINES[:last])


def test_the_libraries_that_packages_link_are_there():
    assert {"libgl1", "libglib2.0-0", "libgomp1"} <= set(" ".join(of("RUN")).split())


def test_the_command_runs_as_somebody_else_than_root():
    names = [instruction for instruction, _ in LINES]
    assert of("USER") == ["cpm"] and any(line.startswith("useradd") and line.endswith(" cpm") for line in of("RUN"))
    assert max(place for place, name in enumerate(names) if name == "RUN") < names.index("USER")
    assert of("ENTRYPOINT") == ['["cpm"]']


def test_what_is_built_and_downloaded_stays_outside():
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert {".git", ".venv", "build", "data", "output", "**/*.so"} <= set(ignored)
    kept = ["cpm", "ops", "setup.py", "pyproject.toml", "requirements.txt", "README.md", "LICENSE"]
    assert not any(name in ignored for name in kept)
