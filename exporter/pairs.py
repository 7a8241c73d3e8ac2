"""Pairs of the elements of two sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Left = TypeVar("Left")
Right = TypeVar("Right")


def pairs(left: Sequence[Left], right: Sequence[Right]) -> Iterator[tuple[Left, Right]]:
    """Return pairs of the elements at the same place.

    Not `zip(strict=True)`, which Python 3.9 lacks.

    Raises:
        ValueError: the sequences differ in length.
    """
    if len(left) != len(right):
        raise ValueError(f"{len(right)} values for {len(left)} names")
    return zip(left, right)
