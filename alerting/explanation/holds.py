"""What holds an alert back: silences, maintenance windows, inhibition and time intervals."""

from collections.abc import Iterator

from alerting.explanation.sentences import Reason, Sentence, time_text
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
            yield Sentence(
                Reason.OUTSIDE_INTERVAL,
                f"The route sends nothing now: it is active only in {names}.",
            )
        case MutingKind.MUTE_INTERVAL:
            yield Sentence(
                Reason.MUTE_INTERVAL, f"The route sends nothing now: it is muted in {names}."
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
        return Sentence(
            Reason.SILENCED,
            f"{silence.created_by or 'Somebody'} silenced it until "
            f"{time_text(silence.ends_ms)}{comment}",
        )
    ends_ms = end_of_windows(silence.windows, now_ms)
    ends_ms = silence.ends_ms if ends_ms is None else min(ends_ms, silence.ends_ms)
    return Sentence(Reason.MAINTENANCE, f"It is in maintenance until {time_text(ends_ms)}{comment}")


def _inhibited(muting: Muting, dispatcher: AlertDispatcher) -> Sentence:
    source = dispatcher.alert(muting.by[0])
    name = alert_text(source.labels) if source is not None else "another alert"
    rule = f' by the rule "{muting.rule}"' if muting.rule else ""
    return Sentence(Reason.INHIBITED, f"{name} inhibits it{rule} while that alert fires.")


def alert_text(labels: Labels) -> str:
    """Return the name of an alert for people: `HostDown db-1:9100`."""
    names = (labels.get("alertname"), labels.get("instance"))
    return " ".join(filter(None, names)) or str(dict(labels))
