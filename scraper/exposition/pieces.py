"""What the expositions of many targets have in common, kept once."""

import sys
from collections.abc import Iterable

_LONGEST_SHARED = 4096
"""What is longer holds many values that hardly two targets have in common."""
_SWEEP_FROM = 4096
_OWN_REFERENCES = 5
"""To a piece nobody uses: as key and value, in the sweep's list, its variable, the call."""


class PiecePool:
    """Keeps equal pieces once: hosts with the same exporter have most of them in common."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}
        self._sweep_at = _SWEEP_FROM

    def __len__(self) -> int:
        return len(self._known)

    def shared(self, pieces: Iterable[bytes]) -> list[bytes]:
        """Return equal pieces, those known already where they are; any thread."""
        known = self._known
        found = [
            known.setdefault(piece, piece) if len(piece) <= _LONGEST_SHARED else piece
            for piece in pieces
        ]
        if len(known) >= self._sweep_at:
            self._sweep()
        return found

    def _sweep(self) -> None:
        for piece in list(self._known):
            if sys.getrefcount(piece) <= _OWN_REFERENCES:
                self._known.pop(piece, None)
        self._sweep_at = max(_SWEEP_FROM, 2 * len(self._known))
