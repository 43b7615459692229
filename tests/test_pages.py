"""The pages: their commands have the options that they show, their code runs, their links lead somewhere."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest

import cpm.models.public
from cpm.commands import COMMANDS
from cpm.configs import list_configs
from cpm.datasets.synthetic import write_synthetic
from cpm.evaluation import PROTOCOLS
from cpm.models import PRETRAINED, get_model, save_network
from cpm.skeletons import COCO_17

from .conftest import ROOT
from .helpers.commands import command_of

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "pretrained/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
RECIPES = sorted((ROOT / "cpm" / "configs").glob("*.py"))
CODE = ["README.md", "docs/notebook.md"]  # that of docs/custom_data.md is run by the tests of what it is about


def name_of(path):
    return str(path.relative_to(ROOT))


def lines_of(text):
    """Return the calls of a command that a reader may type: on indented lines, and whole ones within the text."""
    found = re.findall(r"^(?: {4}|.*&& )((?:cpm|python scripts/\w+\.py) [^&\n]*)", text, re.MULTILINE)
    found += re.findall(r"`((?:cpm [\w-]+|python scripts/\w+\.py) [^`…]+)`", text)
    return [re.sub(r"#.*", "", line).strip() for line in found]


def split(line):
    """Return the command of a line and its arguments."""
    first, *arguments = shlex.split(line)
    if first == "python":
        return command_of(re.search(r"/(\w+)\.py", arguments[0])[1]), arguments[1:]
    if arguments[0].startswith("--"):
        return None, arguments
    return COMMANDS[arguments[0]], arguments[1:]


@pytest.mark.parametrize("path", [*PAGES, *RECIPES], ids=name_of)
def test_commands_are_called_as_they_can_be(path):
    for line in lines_of(path.read_text()):
        command, arguments = split(line)
        if command is not None:
            command.parser().parse_args(arguments)  # or exits


def test_lines_are_found_and_wrong_ones_refused():
    text = "    git clone x && cpm train --epochs=1  # as you like\n    python scripts/evaluate.py --viz\n\ncpm is\n"
    assert lines_of(text) == ["cpm train --epochs=1", "python scripts/evaluate.py --viz"]
    assert lines_of("see `cpm fetch --list`, `cpm score`, `cpm train …`") == ["cpm fetch --list"]
    command, arguments = split("cpm train --epoch=1 --nonsense")
    with pytest.raises(SystemExit):
        command.parser().parse_args(arguments)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_options_in_the_text_are_those_of_a_command(path):
    known = {
        option for command in COMMANDS.values() for each in command.parser()._actions for option in each.option_strings
    }
    known |= {"--version", "--completion", "--help"}
    text = re.sub(r"^ {4}.*$", "", path.read_text(), flags=re.MULTILINE)
    code = " ".join(re.findall(r"`([^`]*)`", text))
    others = {"--no-deps", "--quick", "--force-reinstall", "--ir"}  # of pip and the benchmarks
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", code)) - known - others == set()


def anchors_of(path):
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_anchors_are_there(path):
    links = re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", path.read_text())
    for target, anchor in links:
        assert anchor in anchors_of((path.parent / target).resolve() if target else path), (target, anchor)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_recipes_protocols_and_networks_are_there(path):
    text = path.read_text()
    recipes = re.findall(r"--config[= ](\w+)(?![\w.])", text)
    assert set(recipes) - set(list_configs()) == set()
    assert set(re.findall(r"--protocol=([\w-]*\w)(?![\w-])", text)) - set(PROTOCOLS) - {"val2014"} == set()
    networks = re.findall(r"(?:cpm fetch |--checkpoint=)(\w+)(?![\w./])", text)
    assert set(networks) - set(PRETRAINED) - {"NAME", "FILE"} == set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder with a photo, what a quick start leaves and what `cpm fetch` does, small and untrained."""
    folder = tmp_path_factory.mktemp("user")
    write_synthetic(folder / "data" / "synthetic", train=0, val=1, num_workers=0)
    shutil.copy(next((folder / "data" / "synthetic" / "val2017").glob("*.jpg")), folder / "photo.jpg")
    net = get_model("cpm_small", channels=16, stages=1)
    save_network(folder / "output" / "quickstart" / "last.npz", net)
    save_network(folder / "home" / "models" / "lightweight_openpose_openvino.npz", net)
    return folder


@pytest.mark.parametrize("page", CODE)
def test_code_runs(page, folder):
    process = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks_of(page))],
        cwd=folder,
        env={**os.environ, "CPM_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr


def blocks_of(page):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    return blocks


def test_bodies_are_converted_and_declared_as_their_page_says():
    conversion, declaration = blocks_of("docs/skeletons.md")
    keypoints = np.ones((2, COCO_17.num_joints, 3))
    names = {"keypoints": keypoints}
    exec(conversion, names)
    assert names["with_neck"].shape == (2, 18, 3)
    np.testing.assert_array_equal(names["back"], keypoints)
    exec(declaration, names)
    assert names["config"].labels.skeleton.num_limbs == 4


def test_the_readme_keeps_what_people_type():
    readme = (ROOT / "README.md").read_text()
    assert "    python scripts/train_gluon_cpm.py --gpus=0,1 --backbone=res50\n" in readme
    assert re.search(r"^    python scripts/evaluate\.py --resume=\S+ --viz$", readme, re.MULTILINE)
    assert all(each in readme for each in ("    make quickstart ", "    make test ", "`import cpm.models`"))


def test_every_page_is_in_the_site():
    site = (ROOT / "mkdocs.yml").read_text()
    assert [path for path in PAGES if "docs" in path.parts and str(path.relative_to(ROOT / "docs")) not in site] == []


def test_the_reference_of_networks_is_whole():
    """`cpm.models` hands on what is elsewhere, so that its page names it."""
    listed = re.findall(r"^ +- (\w+)$", (ROOT / "docs" / "api" / "models.md").read_text(), re.MULTILINE)
    assert listed == [name for name in cpm.models.public.__all__ if not name.isupper()]


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="the site is built where `make docs` has been")
def test_the_site_is_built_and_fetches_nothing(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(tmp_path / "site")]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 20
    for path in pages:
        loaded = re.findall(
            r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"?(?:https?:)?//[^ >]*", path.read_text()
        )
        assert [each for each in loaded if "canonical" not in each] == [], path.name
