"""Why an alert is in its state."""

from collections.abc import Iterator

from alerting.book.flapping import FLAPPING
from alerting.explanation.sentences import Reason, Sentence, sentence, time_text
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
        yield sentence(
            Reason.FLAPPING,
            "It flaps: it %(flapping)s. It is notified once meanwhile, and once when it ends.",
            flapping=flapping,
        )
    if suppressed_by and alert.is_open:
        yield sentence(
            Reason.SUPPRESSED,
            "It is held back while this holds: %(reason)s. It neither fires nor becomes no data.",
            reason=suppressed_by,
        )
    if alert.acknowledged_by is not None and alert.acknowledged_ms is not None:
        yield _acknowledged(alert, alert.acknowledged_by, time_text(alert.acknowledged_ms))


def _acknowledged(alert: Alert, who: str, at: str) -> Sentence:
    comment = f": {alert.acknowledged_comment}" if alert.acknowledged_comment else "."
    until_ms, reason = alert.acknowledged_until_ms, Reason.ACKNOWLEDGED
    values = {"who": who, "at": at, "comment": comment}
    if until_ms is None:
        if alert.acknowledged_sticky:
            return sentence(reason, "%(who)s acknowledged it at %(at)s%(comment)s", **values)
        return sentence(
            reason,
            "%(who)s acknowledged it at %(at)s, or until its state changes%(comment)s",
            **values,
        )
    values["until"] = time_text(until_ms)
    if alert.acknowledged_sticky:
        return sentence(
            reason, "%(who)s acknowledged it at %(at)s until %(until)s%(comment)s", **values
        )
    return sentence(
        reason,
        "%(who)s acknowledged it at %(at)s until %(until)s, or until its state changes%(comment)s",
        **values,
    )


def _state(alert: Alert, for_ms: int) -> Sentence:
    active = time_text(alert.active_ms)
    match alert.state:
        case AlertState.PENDING:
            return _pending(alert, for_ms)
        case AlertState.FIRING:
            fired = time_text(alert.fired_ms or alert.active_ms)
            if not for_ms:
                return sentence(
                    Reason.FIRING,
                    "It fires since %(fired)s: its condition began to hold at %(active)s.",
                    fired=fired,
                    active=active,
                )
            return sentence(
                Reason.FIRING,
                "It fires since %(fired)s: its condition began to hold at %(active)s and held for "
                "%(time)s.",
                fired=fired,
                active=active,
                time=format_duration(for_ms),
            )
        case AlertState.NO_DATA:
            return sentence(
                Reason.NO_DATA,
                "It has no data since %(since)s: its expression returns no value, so nobody knows "
                "whether the condition holds.",
                since=time_text(alert.changed_ms),
            )
        case AlertState.RESOLVED:
            ended = time_text(alert.resolved_ms or alert.changed_ms)
            return sentence(
                Reason.RESOLVED,
                "It was resolved at %(ended)s: the value recovered, or its rule, check or host was "
                "removed.",
                ended=ended,
            )
        case _:
            return sentence(
                Reason.INACTIVE,
                "It never fired: its condition stopped holding at %(at)s.",
                at=time_text(alert.changed_ms),
            )


def _pending(alert: Alert, for_ms: int) -> Sentence:
    active = time_text(alert.active_ms)
    if not for_ms:
        return sentence(
            Reason.PENDING, "It is pending: its condition holds since %(active)s.", active=active
        )
    return sentence(
        Reason.PENDING,
        "It is pending: its condition holds since %(active)s and must hold for %(time)s. It fires "
        "at %(at)s unless the condition stops holding.",
        active=active,
        time=format_duration(for_ms),
        at=time_text(alert.active_ms + for_ms),
    )
