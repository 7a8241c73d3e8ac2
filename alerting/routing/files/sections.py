"""The sections of `alertmanager.yml`: `global`, `route`, `inhibit_rules`, `time_intervals`.

Source: Alertmanager documentation, "Configuration".
"""

import re
import zoneinfo
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, create_model, model_validator

from alerting.routing.files.chat_receivers import CHAT_SECTIONS
from alerting.routing.files.http_config import HttpSection, TlsSection
from alerting.routing.files.incident_receivers import INCIDENT_SECTIONS
from alerting.routing.files.values import (
    EqualityMap,
    FileSection,
    HostPort,
    LabelNames,
    MatcherList,
    PatternMap,
    SecretText,
    SecretUrl,
    Url,
    label_name,
)
from alerting.routing.time_intervals import TimeInterval
from model.quantities import DurationMs, TextMap, YamlBool

_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_CLOCK = re.compile(r"(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_LOCAL_ZONE = Path("/etc/localtime")

RECEIVER_SECTIONS = (*CHAT_SECTIONS, *INCIDENT_SECTIONS)


class GlobalSection(FileSection):
    """`global`: the defaults of all receivers."""

    resolve_timeout: DurationMs = 300_000
    http_config: HttpSection | None = None
    jira_api_url: Url | None = None
    mattermost_webhook_url: SecretUrl | None = None
    mattermost_webhook_url_file: str = ""
    opsgenie_api_url: Url = "https://api.opsgenie.com/"
    opsgenie_api_key: SecretText = ""
    opsgenie_api_key_file: str = ""
    pagerduty_url: Url = "https://events.pagerduty.com/v2/enqueue"
    rocketchat_api_url: Url = "https://open.rocket.chat/"
    rocketchat_token: SecretText = ""
    rocketchat_token_file: str = ""
    rocketchat_token_id: SecretText = ""
    rocketchat_token_id_file: str = ""
    slack_api_url: SecretUrl | None = None
    slack_api_url_file: str = ""
    slack_app_token: SecretText = ""
    slack_app_token_file: str = ""
    slack_app_url: Url = "https://slack.com/api/chat.postMessage"
    smtp_from: str = ""
    smtp_hello: str = "localhost"
    smtp_smarthost: HostPort = ""
    smtp_auth_username: str = ""
    smtp_auth_password: SecretText = ""
    smtp_auth_password_file: str = ""
    smtp_auth_secret: SecretText = ""
    smtp_auth_secret_file: str = ""
    smtp_auth_identity: str = ""
    smtp_require_tls: YamlBool = True
    smtp_force_implicit_tls: YamlBool | None = None
    smtp_tls_config: TlsSection | None = None
    telegram_api_url: Url = "https://api.telegram.org"
    telegram_bot_token: SecretText = ""
    telegram_bot_token_file: str = ""
    victorops_api_url: Url = "https://alert.victorops.com/integrations/generic/20131114/alert/"
    victorops_api_key: SecretText = ""
    victorops_api_key_file: str = ""
    webex_api_url: Url = "https://webexapis.com/v1/messages"
    wechat_api_url: Url = "https://qyapi.weixin.qq.com/cgi-bin/"
    wechat_api_secret: SecretText = ""
    wechat_api_secret_file: str = ""
    wechat_api_corp_id: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in (
            "slack_api_url",
            "slack_app_token",
            "opsgenie_api_key",
            "victorops_api_key",
            "smtp_auth_password",
            "smtp_auth_secret",
            "telegram_bot_token",
            "rocketchat_token",
            "rocketchat_token_id",
            "wechat_api_secret",
            "mattermost_webhook_url",
        ):
            self.refuse_both(name, f"{name}_file")
        slack_url = self.slack_api_url or self.slack_api_url_file
        if slack_url and (self.slack_app_token or self.slack_app_token_file):
            raise ValueError("give at most one of slack_api_url and slack_app_token")
        return self


def _group_by(names: tuple[str, ...]) -> tuple[str, ...]:
    if "..." in names and len(set(names)) > 1:
        raise ValueError('"..." groups by all labels: no other label may stand beside it')
    if "..." not in names and len(set(names)) != len(names):
        raise ValueError("a label stands twice")
    for name in names:
        label_name(name)
    return names


def _not_zero(duration_ms: int) -> int:
    if not duration_ms:
        raise ValueError("cannot be zero")
    return duration_ms


class RouteSection(FileSection):
    """`route` and each of `routes`."""

    receiver: str = ""
    group_by: Annotated[tuple[str, ...], AfterValidator(_group_by)] = ()
    match: EqualityMap = Field(default_factory=dict)
    match_re: PatternMap = Field(default_factory=dict)
    matchers: MatcherList = ()
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    proceeds: YamlBool = Field(default=False, alias="continue")
    group_wait: DurationMs | None = None
    group_interval: Annotated[DurationMs, AfterValidator(_not_zero)] | None = None
    repeat_interval: Annotated[DurationMs, AfterValidator(_not_zero)] | None = None
    routes: tuple["RouteSection", ...] = ()


class InhibitSection(FileSection):
    """One of `inhibit_rules`."""

    name: str = ""
    source_match: EqualityMap = Field(default_factory=dict)
    source_match_re: PatternMap = Field(default_factory=dict)
    source_matchers: MatcherList = ()
    target_match: EqualityMap = Field(default_factory=dict)
    target_match_re: PatternMap = Field(default_factory=dict)
    target_matchers: MatcherList = ()
    equal: LabelNames = ()


def _clock(text: str) -> int:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a time such as 09:00; write it in quotes')
    return int(match[1]) * 60 + int(match[2]) if match[1] else 1440


class TimeRangeSection(FileSection):
    """One of `times`."""

    start_time: str
    end_time: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        if _clock(self.start_time) >= _clock(self.end_time):
            raise ValueError("start_time must be before end_time; write two ranges around midnight")
        return self

    @property
    def minutes(self) -> tuple[int, int]:
        """The minutes of the day, the end excluded."""
        return _clock(self.start_time), _clock(self.end_time)


def _number(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise ValueError(f'"{text}" is not a whole number')
    return int(text)


def _weekday(text: str) -> int:
    if text not in _WEEKDAYS:
        raise ValueError(f'"{text}" is not a day of the week')
    return _WEEKDAYS.index(text)


def _month(text: str) -> int:
    if text in _MONTHS:
        return _MONTHS.index(text) + 1
    return _number(text)


def _range(text: object, member: Any) -> tuple[int, int]:
    if not isinstance(text, str):
        raise ValueError("a range is a text such as monday:friday")  # noqa: TRY004
    parts = text.lower().split(":")
    if len(parts) > 2:
        raise ValueError(f'"{text}" has more than one colon')
    first, last = member(parts[0]), member(parts[-1])
    return first, last


def _ordered(text: object, member: Any) -> tuple[int, int]:
    first, last = _range(text, member)
    if first > last:
        raise ValueError(f'"{text}" ends before it begins')
    return first, last


def _days_of_month(text: object) -> tuple[int, int]:
    first, last = _range(text, _number)
    for day in (first, last):
        if day == 0 or not -31 <= day <= 31:
            raise ValueError(f"{day} is not a day of the month")
    if first < 0 < last:
        raise ValueError("the last day must be negative if the first is")
    # Every month has 28 days: an order that no month has is a mistake.
    if (first + 28 if first < 0 else first) > (last + 28 if last < 0 else last):
        raise ValueError(f'"{text}" ends before it begins')
    return first, last


def _zone(name: object) -> object:
    if not isinstance(name, str):
        raise ValueError("a location is a text such as Europe/Berlin")  # noqa: TRY004
    if name == "Local":
        return _local_zone()
    try:
        return zoneinfo.ZoneInfo("UTC" if name in ("", "UTC") else name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError(f'there is no time zone "{name}"') from exc


def _local_zone() -> zoneinfo.ZoneInfo:
    """Return the zone of this machine, UTC where none is set, as Go does."""
    try:
        with _LOCAL_ZONE.open("rb") as file:
            return zoneinfo.ZoneInfo.from_file(file, "Local")
    except (OSError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


Weekdays = Annotated[Any, BeforeValidator(lambda text: _ordered(text, _weekday))]
Months = Annotated[Any, BeforeValidator(lambda text: _ordered(text, _month))]
Years = Annotated[Any, BeforeValidator(lambda text: _ordered(text, _number))]
DaysOfMonth = Annotated[Any, BeforeValidator(_days_of_month)]
Zone = Annotated[Any, BeforeValidator(_zone)]


class TimeIntervalSection(FileSection):
    """One of the `time_intervals` under a name."""

    times: tuple[TimeRangeSection, ...] = ()
    weekdays: tuple[Weekdays, ...] = ()
    days_of_month: tuple[DaysOfMonth, ...] = ()
    months: tuple[Months, ...] = ()
    years: tuple[Years, ...] = ()
    location: Zone = zoneinfo.ZoneInfo("UTC")

    def interval(self) -> TimeInterval:
        """Return the interval."""
        return TimeInterval(
            tuple(each.minutes for each in self.times),
            self.weekdays,
            self.days_of_month,
            self.months,
            self.years,
            self.location,
        )


class NamedIntervalsSection(FileSection):
    """One of `time_intervals` or, in old files, `mute_time_intervals`."""

    name: str = Field(min_length=1)
    time_intervals: tuple[TimeIntervalSection, ...] = ()


class ReceiverKeys(FileSection):
    """The keys of a receiver beside its `…_configs`."""

    name: str = Field(min_length=1)
    labels: TextMap = Field(default_factory=dict)


ReceiverSection: type[ReceiverKeys] = create_model(
    "ReceiverSection",
    __base__=ReceiverKeys,
    __doc__="One of `receivers`, with a list for each kind of integration.",
    **{f"{kind.kind}_configs": (tuple[kind, ...], ()) for kind in RECEIVER_SECTIONS},  # type: ignore[valid-type,call-overload]
)


class AlertmanagerSection(FileSection):
    """A whole `alertmanager.yml`; `tracing` and `event_recorder` have no effect here."""

    global_section: GlobalSection = Field(default=GlobalSection(), alias="global")
    route: RouteSection | None = None
    inhibit_rules: tuple[InhibitSection, ...] = ()
    receivers: tuple[ReceiverSection, ...] = ()
    templates: tuple[str, ...] = ()
    mute_time_intervals: tuple[NamedIntervalsSection, ...] = ()
    time_intervals: tuple[NamedIntervalsSection, ...] = ()
    tracing: dict[str, Any] = Field(default_factory=dict)
    event_recorder: dict[str, Any] = Field(default_factory=dict)
