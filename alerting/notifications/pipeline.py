"""The pipeline that turns the state change of an alert into notifications of the outbox."""

from collections.abc import Callable, Sequence

from alerting.notifications.notice import Notice
from alerting.notifications.stages import Stage
from alerting.receivers.webhook_body import webhook_body
from storage.api.alerts import NewNotification


class NotificationPipeline:
    """Runs its stages one after the other, then writes the bodies."""

    def __init__(
        self,
        stages: Sequence[Stage],
        external_url: str,
        takes: Callable[[Notice], bool] = lambda notice: False,
    ) -> None:
        """Build the pipeline.

        Args:
            stages: first to last.
            external_url: this server's URL for people.
            takes: whether the tree of routes takes a notice instead.
        """
        self._takes = takes
        self.reconfigure(stages, external_url)

    def reconfigure(self, stages: Sequence[Stage], external_url: str) -> None:
        """Use other stages, and another URL in links, from the next notice on."""
        self._stages, self._external_url = stages, external_url

    def run(self, notice: Notice) -> tuple[NewNotification, ...]:
        """Return the notifications to store in the outbox for one notice."""
        if self._takes(notice):
            return ()
        notices: Sequence[Notice] = (notice,)
        for stage in self._stages:
            notices = stage(notices)
        return tuple(NewNotification(item.receiver, self._body(item)) for item in notices)

    def _body(self, notice: Notice) -> str:
        return webhook_body(
            notice.alert, notice.status, notice.receiver, notice.expression, self._external_url
        ).to_json()
