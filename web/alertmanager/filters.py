"""The filters of API v2 on alerts and silences."""

from collections.abc import Iterable

from alerting.routing.matcher_syntax import BadMatcherError, parse_matcher
from model.labels import Labels
from model.matchers import Matcher, matches_all
from web.http.errors import BadRequestError


def matchers_of(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Return the matchers of `filter` parameters.

    Raises:
        BadRequestError: one is malformed.
    """
    try:
        return tuple(parse_matcher(text) for text in texts)
    except BadMatcherError as exc:
        raise BadRequestError(f"filter: {exc}") from exc


def is_on(value: str | None, *, default: bool = True) -> bool:
    """Return the value of a parameter that is true or false.

    Raises:
        BadRequestError: it is neither.
    """
    if value is None:
        return default
    if value.lower() in ("true", "1", "t", "yes", "y", "on"):
        return True
    if value.lower() in ("false", "0", "f", "no", "n", "off"):
        return False
    raise BadRequestError(f'"{value}" is neither true nor false')


def silence_matches(filters: tuple[Matcher, ...], matchers: tuple[Matcher, ...]) -> bool:
    """Return whether a silence has matchers that fit all filters, as Alertmanager decides."""
    return matches_all(filters, Labels.of((each.name, each.value) for each in matchers))
