"""What commands print: tables for people, delimited text and JSON for programs."""

import re
import sys
from collections.abc import Sequence

_PARSE_ERROR = re.compile(r'(?:invalid parameter "query": )?((\d+):(\d+): parse error: .*)')


def pointed(message: str, query: str) -> str:
    """Return a query's parse error with the line it is about and a mark below the place.

    Other messages are returned as they are.
    """
    match = _PARSE_ERROR.fullmatch(message)
    if match is None:
        return message
    line = query.split("\n")[int(match[2]) - 1]
    # Tabs stay tabs, so that the mark stands where the eye expects it.
    before = re.sub(r"[^\t]", " ", line[: int(match[3]) - 1])
    return f"{match[1]}\n  {line}\n  {before}^"


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table on a terminal, tab-separated elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            sys.stdout.write("\t".join(row) + "\n")
        return
    from tabulate import tabulate

    # disable_numparse: "1e3" is a name here as often as a number.
    table = tabulate(rows, headings, tablefmt="plain", disable_numparse=True)
    sys.stdout.write(table + "\n")
