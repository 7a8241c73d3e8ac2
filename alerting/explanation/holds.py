"""Holds of an alert: silences, maintenance windows, inhibition and time intervals."""

from collections.abc import Iterator

from alerting.explanation.sentences import Reason, Sentence, sentence, time_text
from alerting.routing.dispatcher import AlertDispatcher
from alerting.routing.muting import Muting, MutingKind
from alerting.routing.silences import Silence
from alerting.routing.window_times import end_of_windows
from model.labels import Labels


def hold_sentences(muting: Muting, dispatcher: AlertDispatcher, now_ms: int) -> Iterator[Sentence]:
    """Yield a sentence for each silence, alert or time interval that mutes."""
    names = ", ".join(muting.by)
    match muting.kind:
        case MutingKind.INHIBITION:
            yield _inhibited(muting, dispatcher)
        case MutingKind.INACTIVE:
            yield sentence(
                Reason.OUTSIDE_INTERVAL,
                "The route sends nothing now: it is active only in %(names)s.",
                names=names,
            )
        case MutingKind.MUTE_INTERVAL:
            yield sentence(
                Reason.MUTE_INTERVAL,
                "The route sends nothing now: it is muted in %(names)s.",
                names=names,
            )
        case MutingKind.SILENCE:
            for silence_id in muting.by:
                silence = dispatcher.silences.get(silence_id)
                if silence is not None:
                    yield silence_sentence(silence, now_ms)


def silence_sentence(silence: Silence, now_ms: int) -> Sentence:
    """Return that a silence or a maintenance window holds an alert back."""
    comment = f": {silence.comment}" if silence.comment else ""
    if not silence.is_maintenance:
        until = time_text(silence.ends_ms)
        if not silence.created_by:
            return sentence(
                Reason.SILENCED,
                "Somebody silenced it until %(until)s%(comment)s",
                until=until,
                comment=comment,
            )
        return sentence(
            Reason.SILENCED,
            "%(who)s silenced it until %(until)s%(comment)s",
            who=silence.created_by,
            until=until,
            comment=comment,
        )
    ends_ms = end_of_windows(silence.windows, now_ms)
    ends_ms = silence.ends_ms if ends_ms is None else min(ends_ms, silence.ends_ms)
    return sentence(
        Reason.MAINTENANCE,
        "It is in maintenance until %(until)s%(comment)s",
        until=time_text(ends_ms),
        comment=comment,
    )


def _inhibited(muting: Muting, dispatcher: AlertDispatcher) -> Sentence:
    source = dispatcher.alert(muting.by[0])
    if source is None:
        return sentence(Reason.INHIBITED, "Another alert inhibits it while that alert fires.")
    name = alert_text(source.labels)
    if not muting.rule:
        return sentence(Reason.INHIBITED, "%(name)s inhibits it while that alert fires.", name=name)
    return sentence(
        Reason.INHIBITED,
        '%(name)s inhibits it by the rule "%(rule)s" while that alert fires.',
        name=name,
        rule=muting.rule,
    )


def alert_text(labels: Labels) -> str:
    """Return the name of an alert for people: `HostDown db-1:9100`."""
    names = (labels.get("alertname"), labels.get("instance"))
    return " ".join(filter(None, names)) or str(dict(labels))
