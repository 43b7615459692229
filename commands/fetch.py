"""Get a published pretrained network: downloaded, or made of files that you have, and imported.

cpm fetch lightweight_openpose_openvino
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ConfigError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="the network, see --list")
    parser.add_argument(
        "--file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a copy of a file of the network, used in place of a download; may be given many times",
    )
    parser.add_argument(
        "--mirror",
        metavar="URL",
        help="a URL or folder with NAME/FILE to download from (default: the environment variable CPM_MIRROR, else "
        "where the files are published)",
    )
    parser.add_argument("--list", action="store_true", help="show the published networks and stop")
    parser.add_argument("--table", type=Path, metavar="FILE", help="renew the table of pretrained/README.md and stop")


def run(arguments: argparse.Namespace) -> None:
    """Make the network available, or list those that are."""
    from ..files import atomic_path
    from ..models.published.page import describe_networks, renew_table

    if arguments.list:
        print(describe_networks())
    elif arguments.table:
        page = renew_table(arguments.table.read_text())
        with atomic_path(arguments.table) as temporary:
            temporary.write_text(page)
    elif arguments.name is None:
        raise ConfigError("which network? --list shows them")
    else:
        from ..models.published.fetch import fetch, next_command

        path = fetch(arguments.name, arguments.file, arguments.mirror)
        print(path)
        print(f"next: {next_command(arguments.name, path)}")
