"""The parser of the exporter's command lines: argparse's, with short errors.

Not click, which the server's commands use: it needs Python 3.10, and the one file runs on 3.9.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn


class CommandLine(argparse.ArgumentParser):
    """A parser that takes no abbreviated options and prints errors in one line.

    Args:
        prog: the words by which the user has called the command.
        description: what it does.
        arguments: what follows the options.
    """

    def __init__(self, prog: str, description: str, arguments: str = "") -> None:
        usage = f"{prog} [OPTIONS] {arguments}".rstrip()
        super().__init__(prog=prog, usage=usage, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Exit with status 2: the command line is wrong."""
        self.exit(2, f"{self.prog}: {message}\nOptions: {self.prog} --help\n")

    def fail(self, error: Exception | str) -> NoReturn:
        """Exit with status 1: the command cannot do what it should."""
        self.exit(1, f"{self.prog}: {error}\n")

    def show(self, text: str) -> NoReturn:
        """Print a line that the user has asked for, and exit with status 0."""
        sys.stdout.write(f"{text}\n")
        self.exit()

    def add_switch(self, flag: str, documentation: str) -> None:
        """Add an option without a value, and its opposite with `--no-`.

        The parsed value is an attribute named by the flag, None where both are missing.
        """
        opposite = flag.replace("--", "--no-", 1)
        self.add_argument(flag, dest=flag, action="store_true", default=None, help=documentation)
        self.add_argument(
            opposite, dest=flag, action="store_false", default=None, help=argparse.SUPPRESS
        )


def number_between(low: float, high: float) -> Callable[[str], float]:
    """Return the type of an option whose value is a number from `low` to `high`."""

    def parse(text: str) -> float:
        with suppress(ValueError):
            value = float(text)
            if low <= value <= high:
                return value
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")

    return parse


def count(text: str) -> int:
    """Return the value of an option that is an integer from 0."""
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0")
    return int(text)
