"""The notification that tests of notification templates expand templates for."""

from alerting.templates.notification_data import NotifiedAlert, notification_data
from model.labels import Labels

NOW_MS = 1_772_719_700_000
ALERTS = (
    NotifiedAlert(
        Labels.of(alertname="A", instance="a:1", job="n"),
        Labels.of(summary="S <1>"),
        1_772_719_629_500,
        generator_url="http://p/graph",
    ),
    NotifiedAlert(
        Labels.of(alertname="A", instance="b:1", job="n"),
        Labels.of(summary="S2"),
        1_772_719_000_000,
        1_772_719_629_000,
    ),
)
DATA = notification_data("team.x", Labels.of(alertname="A"), ALERTS, "http://am")
