"""Output of commands: tables on a terminal, tab-separated text elsewhere."""

import re
import sys
from collections.abc import Sequence

import click

from model.process.terminal_text import escape_controls

_PARSE_ERROR = re.compile(r'(?:invalid parameter "query": )?((\d+):(\d+): parse error: .*)')


def mark_parse_error(message: str, query: str) -> str:
    """Return a parse error followed by the line of the query, with a mark below its place.

    Other messages are returned unchanged.
    """
    match = _PARSE_ERROR.fullmatch(message)
    if match is None:
        return message
    line = query.split("\n")[int(match[2]) - 1]
    # A column counts bytes. Keep tabs, so that the mark is aligned with the line above.
    characters = line.encode()[: int(match[3]) - 1].decode(errors="ignore")
    before = re.sub(r"[^\t]", " ", characters)
    return f"{match[1]}\n  {line}\n  {before}^"


def echo(text: str, *, err: bool = False) -> None:
    """Print text that may come from another program, without its control characters."""
    click.echo(escape_controls(text), err=err)


def _cell(text: str) -> str:
    """Return the text of one cell, which must not break its row."""
    return escape_controls(text).replace("\n", "\\n").replace("\t", "\\t")


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: "1 rule", "1,200 rules"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal, rows without headings separated by tabs elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            sys.stdout.write("\t".join(map(_cell, row)) + "\n")
        return
    from tabulate import tabulate

    # disable_numparse: text such as "1e3" may be a name, and must stay as it is.
    shown = [list(map(_cell, row)) for row in rows]
    table = tabulate(shown, headings, tablefmt="plain", disable_numparse=True)
    sys.stdout.write(table + "\n")
