"""The stages between the book of alerts and the outbox.

They stand in the order of Alertmanager's pipeline: route, group, inhibit, silence,
deduplicate. Those without a use yet are left out; a new stage is one class or function
here and one line in `configured_stages`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from alerting.notifications.notice import Notice
from alerting.receivers.webhook_body import NotificationStatus
from alerting.settings import AlertingSettings, ReceiverSettings
from storage.api.alerts import Severity

_SEVERITIES = frozenset(severity.value for severity in Severity)


class Stage(Protocol):
    """One step of the pipeline."""

    def __call__(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        """Return the notices for the next stage: fewer, more, or changed."""


class RouteStage:
    """Addresses each notice to every receiver whose settings accept it."""

    def __init__(self, receivers: Sequence[ReceiverSettings]) -> None:
        self._receivers = receivers

    def __call__(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        """See `Stage`."""
        return [
            replace(notice, receiver=receiver.name)
            for notice in notices
            for receiver in self._receivers
            if _accepts(receiver, notice)
        ]


def _accepts(receiver: ReceiverSettings, notice: Notice) -> bool:
    if notice.status is NotificationStatus.RESOLVED and not receiver.send_resolved:
        return False
    severity = notice.alert.labels.get("severity")
    # Alerts of rule files may have other severities (`page`): every receiver gets them.
    return severity not in _SEVERITIES or Severity(severity) in receiver.severities


def deduplicate(notices: Sequence[Notice]) -> Sequence[Notice]:
    """Drop the notices that report nothing new; a `Stage`.

    An alert that fires again after *no data* was never resolved, so its receivers know
    that it fires.
    """
    return [
        notice
        for notice in notices
        if notice.is_known == (notice.status is NotificationStatus.RESOLVED)
    ]


def configured_stages(settings: AlertingSettings) -> tuple[Stage, ...]:
    """Return the stages of the pipeline, first to last."""
    return (
        RouteStage(settings.routed),
        deduplicate,
    )
