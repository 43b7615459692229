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
    """Run a script in this process; return its exit status, None if it ended well."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before, sys.argv = sys.argv, [f"scripts/{name}.py", *arguments]
    try:
        cli.run(module.main)
    except SystemExit as end:
        return end.code
    finally:
        sys.argv = before
    return None


def options_of(name):
    """Ask the parser of a script for its options; returns argparse's actions by the first name of each."""
    found = {}

    def parse(parser, *arguments):
        found.update({action.option_strings[0]: action for action in parser._actions if action.option_strings})
        raise SystemExit

    with patch.object(argparse.ArgumentParser, "parse_args", parse):
        call(name)
    return found
