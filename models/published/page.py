"""The published networks as a table for people, which ends ``pretrained/README.md``."""

from __future__ import annotations

from ...tables import format_table
from .pretrained import PRETRAINED

_HEAD = "| name | network | files | published | licence | input |"


def describe_networks() -> str:
    """Return the published networks as lines for the screen: name, what it is and its licence."""
    return format_table([(entry.name, f"{entry.title} ({entry.licence})") for entry in PRETRAINED.values()])


def markdown_table() -> str:
    """Return the table as Markdown."""
    rows = [_HEAD, "|---|---|---|---|---|---|"]
    for entry in PRETRAINED.values():
        model = f"trunk of `{entry.model}`" if entry.part == "trunk" else f"`{entry.model}`"
        size = "" if entry.size is None else f", {entry.size / 1e6:.1f} MB"
        links = [f"[{file.name}]({file.url})" if file.url else f"{file.name} (browser)" for file in entry.files]
        files = ", ".join(links) + size
        title = f"`{entry.name}`: [{entry.title}]({entry.homepage})"
        rows.append(f"| {title} | {model} | {files} | {entry.published} | {entry.licence} | {entry.input} |")
    return "\n".join(rows) + "\n"


def renew_table(page: str) -> str:
    """Return a page with the table of today in the place of the one that it ends with."""
    return page.partition(_HEAD)[0] + markdown_table()
