"""Hashes of what identifies a person, with a secret of the day that is never stored."""

from hashlib import blake2b
from secrets import token_bytes
from typing import Final

DAY_MS: Final = 86_400_000
_KEY_BYTES: Final = 16


class SecretHasher:
    """Hashes texts with a random secret that lives in memory only."""

    def __init__(self) -> None:
        self._key = token_bytes(_KEY_BYTES)

    def hash(self, *texts: str) -> str:
        """Return the hash of texts, 16 hexadecimal digits."""
        digest = blake2b(key=self._key, digest_size=8)
        for text in texts:
            encoded = text.encode("utf-8", "surrogatepass")
            # With its length, or ("ab", "c") and ("a", "bc") would have one hash.
            digest.update(len(encoded).to_bytes(4, "little") + encoded)
        return digest.hexdigest()


class DailyHasher:
    """Hashes texts with a secret that changes at midnight UTC.

    The same texts have the same hash for a day at most, and for less if the server is
    restarted meanwhile: nobody can follow a person from one day to the next, and distinct
    hashes of a longer range are not the sum of its days.

    Attributes:
        previous: the secret of the day before, as long as `forget_previous` is not called.
    """

    def __init__(self) -> None:
        self._day = -1
        self._current = SecretHasher()
        self.previous: SecretHasher | None = None

    def turn(self, now_ms: int) -> bool:
        """Change the secret if the day has changed; report whether it has."""
        day = now_ms // DAY_MS
        if day == self._day:
            return False
        self.previous = self._current if day == self._day + 1 else None
        self._day, self._current = day, SecretHasher()
        return True

    def forget_previous(self) -> None:
        """Forget the secret of the day before."""
        self.previous = None

    def hash(self, now_ms: int, *texts: str) -> str:
        """Return the hash of texts, 16 hexadecimal digits."""
        self.turn(now_ms)
        return self._current.hash(*texts)
