"""The pages: their commands have the options that they show, their code runs, their links lead somewhere."""

import re
import shlex
import subprocess
import sys

import pytest

from cpm.commands import COMMANDS
from cpm.datasets.synthetic import write_synthetic
from cpm.models import get_model, save_network

from .conftest import ROOT
from .helpers.commands import command_of

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "pretrained/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
RECIPES = sorted((ROOT / "configs").glob("*.py"))
CODE = ["README.md", "docs/notebook.md"]  # that of other pages is run by tests of what they are about


def name_of(path):
    return str(path.relative_to(ROOT))


def lines_of(text):
    """Return the lines that a reader may type: indented ones, as far as they are calls of a command."""
    found = re.findall(r"^(?: {4}|.*&& )((?:cpm|python scripts/\w+\.py) [^&\n]*)", text, re.MULTILINE)
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


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    """Make a folder with a picture and the network of a quick start, small and untrained."""
    folder = tmp_path_factory.mktemp("quickstart")
    write_synthetic(folder / "data" / "synthetic", train=0, val=1, num_workers=0)
    save_network(folder / "output" / "quickstart" / "last.npz", get_model("cpm_small", channels=16, stages=1))
    return folder


@pytest.mark.parametrize("page", CODE)
def test_code_runs(page, quickstart):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    process = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)], cwd=quickstart, capture_output=True, text=True, timeout=120
    )
    assert process.returncode == 0, process.stderr


def test_every_page_is_in_the_site():
    site = (ROOT / "mkdocs.yml").read_text()
    assert [path for path in PAGES if "docs" in path.parts and str(path.relative_to(ROOT / "docs")) not in site] == []
