"""How silences change: what may be changed in place, and what makes a new silence.

Source: Alertmanager, silence/silence.go, Set and Expire.
"""

from dataclasses import replace

from alerting.routing.silences import Silence, SilenceState


def problem_of(silence: Silence, now_ms: int) -> tuple[str, str] | None:
    """Return the field that makes a new silence invalid and why, None for nothing."""
    if silence.ends_ms <= silence.starts_ms:
        return "ends", "must be after the start"
    if silence.ends_ms < now_ms:
        return "ends", "must not be in the past"
    if all(each.matches_empty for each in silence.matchers):
        return "matchers", "at least one must not match an empty label"
    return None


def changed_silences(before: Silence | None, new: Silence, now_ms: int) -> tuple[Silence, ...]:
    """Return the silences to store for a new silence or a change, the one that holds first.

    A change of the matchers, or of a start in the past, makes a new silence, and the old
    one expires.

    Args:
        before: the silence that is changed, None for a new one.
        new: the silence as wanted, with an id of its own.
        now_ms: the time of the change.
    """
    if before is not None and _can_change(before, new, now_ms):
        return (replace(new, id=before.id),)
    started = replace(new, starts_ms=max(new.starts_ms, now_ms))
    if before is None or before.state(now_ms) is SilenceState.EXPIRED:
        return (started,)
    return (started, expired(before, now_ms))


def _can_change(before: Silence, after: Silence, now_ms: int) -> bool:
    if before.matchers != after.matchers:
        return False
    match before.state(now_ms):
        case SilenceState.ACTIVE:
            return before.starts_ms == after.starts_ms and after.ends_ms >= now_ms
        case SilenceState.PENDING:
            return after.starts_ms >= now_ms
        case _:
            return False


def expired(silence: Silence, now_ms: int) -> Silence:
    """Return the silence ended at a time."""
    starts_ms = min(silence.starts_ms, now_ms)
    return replace(silence, starts_ms=starts_ms, ends_ms=now_ms, updated_ms=now_ms)
