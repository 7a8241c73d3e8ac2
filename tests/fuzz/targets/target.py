"""A parser as a fuzzer sees it: bytes go in, and nothing may go wrong."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FuzzTarget:
    """A parser under a fuzzer.

    Attributes:
        name: names the target on the command line, and its corpus folder.
        run: parses an input. It returns for a valid input and for an input that is refused
            as documented; it raises for everything else.
        words: texts of the format, which the fuzzer puts into its inputs.
        longest: the longest input in bytes.
    """

    name: str
    run: Callable[[bytes], None]
    words: tuple[str, ...] = ()
    longest: int = 4096


def text_of(data: bytes) -> str:
    """Return an input as text, as a file or a request would be read; never fails."""
    return data.decode("utf-8", "replace")
