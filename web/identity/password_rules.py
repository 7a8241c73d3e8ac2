"""Refuses passwords that are guessed first.

Length counts, and there are no rules about kinds of characters. Refused are common
passwords, also with digits and signs around them or letters replaced (`P@ssword12!`),
repetitions, sequences, and what is mostly the user's name or the program's.

Source: NIST SP 800-63B, 5.1.1.2; OWASP ASVS 5.0, 6.2.4, 6.2.5 and 6.2.11.
"""

import itertools
from importlib.resources import files
from typing import Final

_WORDS: Final = ("redshank",)
_LEAST_DISTINCT: Final = 5
_LONGEST_UNIT: Final = 5
_LEAST_BESIDE_NAME: Final = 8
"""Characters that a password must have besides the user's name."""
_MOST_AROUND: Final = 6
"""More characters than this around a common password make another one of it."""

_REPLACED: Final = str.maketrans("@4301!5$7", "aaeoiisst")


def weakness(password: str, *names: str) -> str | None:
    """Return why a password is too easy to guess, None if it is not.

    `names` are the user's own: the password must not be made of one.
    """
    lowered = password.casefold()
    if len(set(lowered)) < _LEAST_DISTINCT or lowered.isspace():
        return "has too few different characters"
    if _unit(lowered) <= _LONGEST_UNIT:
        return "repeats a few characters"
    steps = {ord(second) - ord(first) for first, second in itertools.pairwise(lowered)}
    if len(steps) == 1:
        return "is a sequence"
    for name in (*names, *_WORDS):
        word = name.casefold()
        if len(word) > 2 and len(lowered.replace(word, "")) < _LEAST_BESIDE_NAME <= len(lowered):
            return f"is mostly the name {name!r}"
    return "is a common password" if _is_common(lowered) else None


def _unit(text: str) -> int:
    """Return the length of the shortest text that, repeated, begins with `text`."""
    return next(n for n in range(1, len(text) + 1) if text.startswith(text[n:]))


def _is_common(lowered: str) -> bool:
    """Return whether the text, or the word in it, is on the list."""
    inner = lowered
    while inner and not inner[-1].isalpha():
        inner = inner[:-1]
    while inner and not inner[0].isalpha():
        inner = inner[1:]
    wanted = {lowered, lowered.translate(_REPLACED)}
    if inner and len(lowered) - len(inner) <= _MOST_AROUND:
        wanted |= {inner, inner.translate(_REPLACED)}
    # Read each time: passwords are rarely set, and a set of the list would take a megabyte.
    with files("web.identity").joinpath("common_passwords.txt").open(encoding="ascii") as lines:
        return any(line.rstrip("\n") in wanted for line in lines)
