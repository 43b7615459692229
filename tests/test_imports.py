"""Imports keep to the table of docs/design.md, go round in no circle, and are relative inside the package."""

import ast
import re
from graphlib import TopologicalSorter

import pytest

from .conftest import ROOT

PACKAGE = ROOT / "cpm"


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


DOORS = ("cpm", "cpm.__main__")
SOURCES = {module_name(path): path for room in ("*.py", "*/*.py", "*/*/*.py") for path in PACKAGE.glob(room)}


def imported(name):
    """Yield the modules of the package that a module imports, anywhere in its code.

    The doors of the package load what is behind all rooms when it is asked for; only that is left out.
    """
    path = SOURCES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text())
    for node in tree.body if name in DOORS else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1] + ([node.module] if node.module else []))
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in SOURCES else base


def allowed():
    """Return the rooms that each room may import by the table, what those may import included."""
    table = {}
    for line in (ROOT / "docs" / "design.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"`cpm(\.\w+)?`", cells[1]):
            table[cells[1].strip("`")] = {f"cpm.{name}" for name in re.findall(r"`(\w+)`", cells[3]) if name != "cpm"}
    rooms = {}
    for room in TopologicalSorter(table).static_order():
        rooms[room] = table[room].union(*(rooms[other] for other in table[room])) | {"cpm", room}
    return rooms


def room_of(name):
    room = ".".join(name.split(".")[:2])
    return room if room in allowed() else "cpm"


@pytest.mark.parametrize("name", SOURCES)
def test_imports_keep_to_the_table(name):
    wrong = [other for other in imported(name) if room_of(other) not in allowed()[room_of(name)]]
    assert not wrong


def test_no_import_goes_round_in_a_circle():
    graph = {name: {other for other in imported(name) if other != name} for name in SOURCES}
    # A room's door imports what is in it; that its modules are inside of it is no circle.
    list(TopologicalSorter({name: others - {name.rpartition(".")[0]} for name, others in graph.items()}).static_order())


@pytest.mark.parametrize("name", [name for name in SOURCES if not name.startswith("cpm.configs.")])
def test_imports_inside_the_package_are_relative(name):
    text = SOURCES[name].read_text()
    assert not re.search(r"^\s*(from|import) cpm\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "cpm.opencv"])
def test_opencv_is_imported_in_one_place(name):
    """That place says what to do where it cannot be loaded."""
    assert not re.search(r"^\s*(from|import) cv2\b", SOURCES[name].read_text(), re.MULTILINE)
