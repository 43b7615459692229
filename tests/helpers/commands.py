"""What the tests of the scripts share: how one is run here, a training that is soon over, and how a mistake is told."""

import argparse
import importlib.util
import sys
from unittest.mock import patch

from cpm import cli

from ..conftest import ROOT

TINY = ["--set=model.name=cpm_small", "--set=model.options.channels=8", "--set=model.pretrained=",
        "--set=augment.crop=64", "--batch-size=2", "--num-workers=1", "--epochs=1", "--gpus=-1"]  # fmt: skip


def assert_one_line(process, *parts):
    """Check that a script stopped with one clear line and nothing else."""
    lines = process.stderr.strip().splitlines()
    assert process.returncode == 2, process.stderr
    assert len(lines) == 1 and lines[0].startswith("error: "), process.stderr
    for part in parts:
        assert part in lines[0]


def call(name, *arguments):
    """Run a command by the name of its script in this process; return its exit status, None if it ended well."""
    command = re.search(r'run_script\("(.+)"\)', (ROOT / "scripts" / f"{name}.py").read_text())[1]
    try:
        COMMANDS[command].run(arguments)
    except SystemExit as end:
        return end.code
    return None
