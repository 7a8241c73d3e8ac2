"""Why an alert is in its state."""

from collections.abc import Iterator

from alerting.book.flapping import FLAPPING
from alerting.explanation.sentences import Reason, Sentence, time_text
from model.durations import format_duration
from storage.api.alerts import Alert, AlertState


def state_sentences(alert: Alert, for_ms: int, suppressed_by: str) -> Iterator[Sentence]:
    """Yield why an alert is in its state.

    Args:
        alert: the alert.
        for_ms: how long its condition must hold, 0 for no wait or an unknown rule.
        suppressed_by: what keeps it from firing, "" for nothing.
    """
    yield _state(alert, for_ms)
    flapping = alert.annotations.get(FLAPPING)
    if flapping and alert.fired_ms is not None:
        yield Sentence(
            Reason.FLAPPING,
            f"It flaps: it {flapping}. It is notified once meanwhile, and once when it ends.",
        )
    if suppressed_by and alert.is_open:
        yield Sentence(
            Reason.SUPPRESSED,
            f"It is held back while this holds: {suppressed_by}. "
            "It neither fires nor becomes no data.",
        )
    if alert.acknowledged_by is not None and alert.acknowledged_ms is not None:
        until_ms = alert.acknowledged_until_ms
        until = "" if until_ms is None else f" until {time_text(until_ms)}"
        change = "" if alert.acknowledged_sticky else ", or until its state changes"
        comment = f": {alert.acknowledged_comment}" if alert.acknowledged_comment else "."
        yield Sentence(
            Reason.ACKNOWLEDGED,
            f"{alert.acknowledged_by} acknowledged it at {time_text(alert.acknowledged_ms)}"
            f"{until}{change}{comment}",
        )


def _state(alert: Alert, for_ms: int) -> Sentence:
    active = time_text(alert.active_ms)
    match alert.state:
        case AlertState.PENDING:
            return _pending(alert, for_ms)
        case AlertState.FIRING:
            fired = time_text(alert.fired_ms or alert.active_ms)
            held = f" and held for {format_duration(for_ms)}" if for_ms else ""
            return Sentence(
                Reason.FIRING,
                f"It fires since {fired}: its condition began to hold at {active}{held}.",
            )
        case AlertState.NO_DATA:
            return Sentence(
                Reason.NO_DATA,
                f"It has no data since {time_text(alert.changed_ms)}: its expression returns "
                "no value, so nobody knows whether the condition holds.",
            )
        case AlertState.RESOLVED:
            ended = time_text(alert.resolved_ms or alert.changed_ms)
            return Sentence(
                Reason.RESOLVED,
                f"It was resolved at {ended}: the value recovered, or its rule, check or host "
                "was removed.",
            )
        case _:
            return Sentence(
                Reason.INACTIVE,
                f"It never fired: its condition stopped holding at {time_text(alert.changed_ms)}.",
            )


def _pending(alert: Alert, for_ms: int) -> Sentence:
    active = time_text(alert.active_ms)
    if not for_ms:
        return Sentence(Reason.PENDING, f"It is pending: its condition holds since {active}.")
    return Sentence(
        Reason.PENDING,
        f"It is pending: its condition holds since {active} and must hold for "
        f"{format_duration(for_ms)}. It fires at {time_text(alert.active_ms + for_ms)} unless "
        "the condition stops holding.",
    )
