"""Measure the parts of cpm next to a yardstick that runs in turn with them.

python benchmarks/run.py labels decode loader --json output/speed.json
"""

import argparse
import sys
from pathlib import Path

from parts import PARTS, Options, Result, describe_machine, results_table

from cpm.cli import run
from cpm.files import write_json
from cpm.tables import format_table


def parse_workers(text: str) -> tuple[int, ...]:
    """Return the numbers of a list with commas."""
    if not all(number.isdecimal() for number in text.split(",")):
        raise argparse.ArgumentTypeError(f"--workers={text}: expected numbers with commas such as 0,1,2")
    return tuple(map(int, text.split(",")))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parts = format_table([(name, part.__doc__.splitlines()[0]) for name, part in PARTS.items()])
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\nparts:\n{parts}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all of them)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the table, every repetition and the machine")
    parser.add_argument("--repeat", type=int, metavar="N", help="repetitions of every measurement (default: by part)")
    parser.add_argument("--quick", action="store_true", help="small inputs and few repetitions: to see that all runs")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="NPZ",
        help="evaluate: a Lightweight OpenPose network (default: random weights, whose maps drawn ones replace)",
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="evaluate: a folder, of which the first 20 pictures are taken (default: noise)",
    )
    parser.add_argument(
        "--ir", type=Path, metavar="XML", help="network: a Lightweight OpenPose of OpenVINO to compare with"
    )
    parser.add_argument(
        "--workers", default="0,1,2", type=parse_workers, metavar="N,N", help="loader: threads (default: %(default)s)"
    )
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.parts if name not in PARTS]:
        parser.error(f"unknown part {unknown[0]!r}, expected some of {', '.join(PARTS)}")
    if arguments.repeat is not None and arguments.repeat < 1:
        parser.error(f"--repeat={arguments.repeat}: expected at least 1")
    return arguments


def main() -> None:
    """Measure, print the table and keep it."""
    arguments = parse_arguments()
    options = Options(
        arguments.quick, arguments.repeat, arguments.checkpoint, arguments.images, arguments.workers, arguments.ir
    )
    machine = describe_machine()
    results: list[Result] = []
    for name in arguments.parts or PARTS:
        print(f"{name} ...", file=sys.stderr)
        results += PARTS[name].measure(options)
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(results_table(results))
    if arguments.json is not None:
        content = {"machine": machine, "quick": options.quick, "results": [result.to_json() for result in results]}
        write_json(arguments.json, content)


if __name__ == "__main__":
    run(main)
