"""The open alerts that matchers match now, and what holds each open alert back."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerting.explanation.holds import hold_sentences, silence_sentence
from alerting.explanation.sentences import Sentence
from alerting.routing.matcher_syntax import BadMatcherError, matcher_text, parse_matchers
from alerting.routing.silences import Silence
from model.clock import Clock
from model.labels import Labels
from model.matchers import Matcher, matches_all
from storage.api.alerts import Alert
from web.http.errors import BadRequestError
from web.services import Alerting


@dataclass(frozen=True, slots=True)
class MatchedAlert:
    """An open alert; `alert_id` is None for one of a peer."""

    labels: Labels
    alert_id: int | None


@dataclass(frozen=True, slots=True)
class Hold:
    """The holds of an open alert: silences, maintenance windows and all others.

    Attributes:
        silences: the silences that mute it, without maintenance windows.
        windows: the maintenance windows that mute it.
        sentences: what holds it back, in words.
    """

    silences: tuple[Silence, ...]
    windows: tuple[Silence, ...]
    sentences: tuple[Sentence, ...]


def open_alerts(alerting: Alerting) -> list[MatchedAlert]:
    """Return the open alerts, ours first."""
    ours = [MatchedAlert(item.alert.labels, item.alert.id) for item in alerting.open_alerts()]
    known = {each.labels for each in ours}
    theirs = [
        MatchedAlert(each.labels, None)
        for each in alerting.router.firing()
        if each.alert_id is None and each.labels not in known
    ]
    return ours + theirs


def matched(alerts: Sequence[MatchedAlert], matchers: Sequence[Matcher]) -> list[MatchedAlert]:
    """Return the alerts that all matchers match."""
    return [each for each in alerts if matches_all(matchers, each.labels)]


def matched_alerts(alerting: Alerting, matchers: Sequence[Matcher]) -> list[MatchedAlert]:
    """Return the open alerts that all matchers match, ours first."""
    return matched(open_alerts(alerting), matchers)


def read_matchers(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a text: separated by commas or lines, with braces or without.

    Raises:
        BadRequestError: the text is malformed or has no matcher.
    """
    lines = [line.strip().rstrip(",") for line in text.splitlines()]
    try:
        found = parse_matchers(", ".join(filter(None, lines)))
    except BadMatcherError as exc:
        raise BadRequestError(f"{exc}", "matchers") from exc
    if not found:
        raise BadRequestError('give at least one matcher, such as instance="db-1"', "matchers")
    return found


def matchers_text(matchers: Sequence[Matcher]) -> str:
    """Return matchers as `read_matchers` takes them."""
    return ", ".join(map(matcher_text, matchers))


def own_matchers(labels: Labels) -> str:
    """Return the matchers of an alert's own labels."""
    return matchers_text([Matcher.of(name, "=", value) for name, value in labels])


def holds_of(alerting: Alerting, alerts: Sequence[Alert], clock: Clock) -> dict[int, Hold]:
    """Return what silences, windows and the tree hold back, by the id of the alert."""
    router, now_ms = alerting.router, clock()
    dispatcher = router.dispatcher
    found: dict[int, Hold] = {}
    for alert in alerts:
        silences = dispatcher.silences.muting(alert.labels, now_ms)
        sentences = [silence_sentence(each, now_ms) for each in silences]
        if alert.fired_ms is not None and router.has_tree:
            routed = router.routed(alert)
            for route in dispatcher.configuration.route.matching(alert.labels):
                for muting in dispatcher.mutings(routed, route, now_ms):
                    sentences += hold_sentences(muting, dispatcher, now_ms)
        if sentences:
            found[alert.id] = Hold(
                tuple(each for each in silences if not each.is_maintenance),
                tuple(each for each in silences if each.is_maintenance),
                tuple(dict.fromkeys(sentences)),
            )
    return found
