"""The form of a silence: reads a silence from its fields, and fills them from a silence."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Final

from alerting.routing.silence_changes import problem_of
from alerting.routing.silences import Silence
from model.durations import parse_duration_ms
from model.labels import Labels
from web.alerts.matched_alerts import matchers_text, read_matchers
from web.http.errors import BadRequestError

DURATIONS: Final = ("30m", "1h", "2h", "8h", "1d", "3d", "7d")
_LONGEST: Final = 2000


def moment_text(time_ms: int) -> str:
    """Return a time as a field `datetime-local` holds it, in UTC."""
    return f"{dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC):%Y-%m-%dT%H:%M:%S}"


def read_moment(text: str, field: str) -> int:
    """Return the time of a field in UTC.

    Raises:
        BadRequestError: it is no time.
    """
    try:
        at = dt.datetime.fromisoformat(text.strip().removesuffix("Z"))
        return round(at.replace(tzinfo=at.tzinfo or dt.UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as exc:
        raise BadRequestError("write a time as 2026-11-29T12:00", field) from exc


def read_duration(text: str, field: str = "duration") -> int:
    """Return a duration such as `2h` in milliseconds.

    Raises:
        BadRequestError: it is none.
    """
    try:
        return parse_duration_ms(text.strip())
    except ValueError as exc:
        raise BadRequestError("write a duration as 30m, 2h or 1d", field) from exc


def read_silence(
    form: Mapping[str, str], now_ms: int, author: str, before: Silence | None = None
) -> Silence:
    """Return the silence of a form; its end is `ends`, or `duration` after its start.

    `before` is the silence that is changed: a field holds its start without milliseconds.

    Raises:
        BadRequestError: a field is invalid; the error names it.
    """
    matchers = read_matchers(form.get("matchers", ""))
    starts, ends = form.get("starts", "").strip(), form.get("ends", "").strip()
    starts_ms = read_moment(starts, "starts") if starts else now_ms
    if before is not None and starts == moment_text(before.starts_ms):
        starts_ms = before.starts_ms
    if ends:
        ends_ms = read_moment(ends, "ends")
    else:
        ends_ms = starts_ms + read_duration(form.get("duration", "") or DURATIONS[2])
    comment = form.get("comment", "").strip()
    if len(comment) > _LONGEST:
        raise BadRequestError(f"must have at most {_LONGEST} characters", "comment")
    silence = Silence(
        id=str(uuid.uuid4()),
        matchers=matchers,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        updated_ms=now_ms,
        created_by=form.get("author", "").strip()[:200] or author,
        comment=comment,
        annotations=before.annotations if before is not None else Labels(),
    )
    problem = problem_of(silence, now_ms)
    if problem is not None:
        field, reason = problem
        raise BadRequestError(reason, field)
    return silence


def silence_fields(silence: Silence) -> dict[str, str]:
    """Return the fields of a silence that is to be changed."""
    return {
        "matchers": matchers_text(silence.matchers),
        "starts": moment_text(silence.starts_ms),
        "ends": moment_text(silence.ends_ms),
        "comment": silence.comment,
        "author": silence.created_by,
    }
