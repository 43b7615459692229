"""Download a published pretrained network and import it, or do so with files that you have.

python scripts/fetch_pretrained.py lightweight_openpose_openvino
"""

from pathlib import Path

from cpm.cli import Parser, run
from cpm.files import atomic_path
from cpm.models.published.fetch import fetch, next_command
from cpm.models.published.page import markdown_table, renew_table


def main() -> None:
    """Parse the command line and make the network available."""
    parser = Parser(__doc__)
    parser.add_argument("name", nargs="?", metavar="NAME", help="the network, see --list")
    parser.add_argument(
        "--file",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="a copy of a file of the network, used in place of a download; may be repeated",
    )
    parser.add_argument(
        "--mirror",
        metavar="URL",
        help="a URL or folder with NAME/FILE to download from "
        "(default: the environment variable CPM_MIRROR, else where the files are published)",
    )
    parser.add_argument("--list", action="store_true", help="show the published networks and stop")
    parser.add_argument("--table", type=Path, metavar="FILE", help="renew the table of pretrained/README.md and stop")
    args = parser.parse_args()
    if args.list:
        print(markdown_table(), end="")
    elif args.table:
        page = renew_table(args.table.read_text())
        with atomic_path(args.table) as temporary:
            temporary.write_text(page)
    elif args.name is None:
        parser.error("which network? --list shows them")
    else:
        path = fetch(args.name, args.file, args.mirror)
        print(path)
        print(f"next: {next_command(args.name, path)}")


if __name__ == "__main__":
    run(main)
