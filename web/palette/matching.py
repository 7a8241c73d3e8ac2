"""How well a text matches what a reader types: whole words first, scattered letters last."""

import re
from collections.abc import Iterable
from typing import Final

_EXACT: Final = 100.0
_START: Final = 80.0
_WORD: Final = 60.0
_WITHIN: Final = 40.0
_SCATTERED: Final = 20.0
_ELSEWHERE: Final = 15.0

_LONGEST: Final = 100
_MOST_WORDS: Final = 8


class PaletteQuery:
    """The words that a reader typed; a text matches if it matches every word."""

    def __init__(self, text: str) -> None:
        words = text[:_LONGEST].casefold().split()[:_MOST_WORDS]
        self._words = tuple((word, _at_word_start(word), _in_order(word)) for word in words)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed."""
        return not self._words

    def score(self, title: str, others: Iterable[str] = ()) -> float:
        """Return how well a title matches, 0 for not at all.

        Args:
            title: the text that the reader sees first.
            others: texts in which a word counts less: a detail, other names.
        """
        title = title.casefold()
        total = 0.0
        for word, at_start, in_order in self._words:
            if word in title:
                found = _score_within(title, word, at_start)
            elif any(word in text.casefold() for text in others):
                found = _ELSEWHERE
            elif match := in_order.search(title):
                found = max(1.0, _SCATTERED - (match.end() - match.start() - len(word)))
            else:
                return 0.0
            total += found
        # Of two titles that match alike, the shorter one comes first.
        return total - min(len(title), 90) / 100


def _score_within(title: str, word: str, at_start: re.Pattern[str]) -> float:
    if title.startswith(word):
        return _EXACT if title == word else _START
    return _WORD if at_start.search(title) else _WITHIN


def _at_word_start(word: str) -> re.Pattern[str]:
    """Return a pattern of a word after a blank, or after a sign such as `_` or `.`."""
    return re.compile(rf"(?<![^\W_]){re.escape(word)}")


def _in_order(word: str) -> re.Pattern[str]:
    """Return a pattern of the letters of a word in their order, with others between them.

    `[^x]*` up to each letter x: no text makes it backtrack from one letter into another.
    """
    letters = [re.escape(letter) for letter in word]
    return re.compile(letters[0] + "".join(f"[^{one}]*{one}" for one in letters[1:]))
