"""What commands print: tables for people, delimited text and JSON for programs."""

import sys
from collections.abc import Sequence


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
