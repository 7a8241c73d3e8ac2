"""64-bit hashes of event ids and distinct ids."""

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

_EXPORTED: Final = re.compile("[0-9a-f]{32}")
"""An id of 64 bits, and the origin."""


class Hasher:
    """Hashes texts of one project with the store's secret key.

    Keyed, so that nobody can construct two ids with the same hash. Among a hundred million
    ids in 64 bits, the chance that any two share one is 1 in 3,700.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def mark(self) -> bytes:
        """8 bytes that identify the store and do not reveal its key."""
        return blake2b(digest_size=8, key=self._key, person=b"mark").digest()

    def hashes(self, project: int, texts: Iterable[str], kind: bytes) -> NDArray[np.uint64]:
        """Return one hash for each text.

        Args:
            project: the number of the project.
            texts: the ids.
            kind: at most 16 bytes; equal texts of two kinds have different hashes.
        """
        start = blake2b(project.to_bytes(8, "little"), digest_size=8, key=self._key, person=kind)
        digests = []
        for text in texts:
            digest = start.copy()
            digest.update(text.encode("utf-8", "surrogatepass"))
            digests.append(digest.digest())
        return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)

    def event_ids(self, project: int, ids: Iterable[str]) -> NDArray[np.uint64]:
        """Return the hashes of event ids."""
        return self.hashes(project, ids, b"event")

    def persons(self, project: int, distinct_ids: Iterable[str]) -> NDArray[np.uint64]:
        """Return the hashes of distinct ids."""
        return self.hashes(project, distinct_ids, b"person")

    def origin(self, project: int) -> str:
        """Return what the ids of events that were exported from a project end with."""
        return f"{int(self.hashes(project, ('',), b'origin')[0]):016x}"

    def exported_ids(self, project: int, ids: Sequence[str]) -> NDArray[np.uint64]:
        """Return the numbers of exported events: of the project's own, those they had.

        An id of another project or store is hashed as any text.
        """
        origin = self.origin(project)
        numbers = self.event_ids(project, ids)
        for position, text in enumerate(ids):
            if text.endswith(origin) and _EXPORTED.fullmatch(text):
                numbers[position] = int(text[:16], 16)
        return numbers
