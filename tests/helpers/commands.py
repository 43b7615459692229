"""What the tests of the commands share: how one is run here, a short training, and how a mistake is told."""

import re

from cpm.commands import COMMANDS

from ..conftest import ROOT

TINY = [
    "--set=model.name=cpm_small",
    "--set=model.options.channels=8",
    "--set=model.pretrained=",
    "--set=augment.crop=64",
    "--batch-size=2",
    "--num-workers=1",
    "--epochs=1",
    "--gpus=-1",
]


def assert_one_line(process, *parts):
    """Check that a script stopped with one clear line and nothing else."""
    lines = process.stderr.strip().splitlines()
    assert process.returncode == 2, process.stderr
    assert len(lines) == 1 and lines[0].startswith("error: "), process.stderr
    for part in parts:
        assert part in lines[0]


def command_of(script):
    """Return the command that a script is a face of."""
    return COMMANDS[re.search(r'run_script\("(.+)"\)', (ROOT / "scripts" / f"{script}.py").read_text())[1]]


def call(script, *arguments):
    """Run the command of a script in this process; return its exit status, None if it ended well."""
    try:
        command_of(script).run(arguments)
    except SystemExit as end:
        return end.code
    return None


def options_of(script):
    """Ask the parser of a script for its options; returns argparse's actions by the first name of each."""
    actions = command_of(script).parser()._actions
    return {action.option_strings[0]: action for action in actions if action.option_strings}
