"""What every group of rules or checks is evaluated with."""

from dataclasses import dataclass

from alerting.book.alert_book import AlertBook
from alerting.evaluation.health import HealthBoard
from alerting.time_source import TimeSource
from promql.api import QueryEngine
from storage.api.samples import SampleAppender


@dataclass(frozen=True, slots=True)
class EvaluationParts:
    """The parts that all groups share.

    Attributes:
        engine: answers their queries.
        appender: stores their series.
        book: keeps their alerts.
        board: gets the health of their rules.
        time: schedules their evaluations.
    """

    engine: QueryEngine
    appender: SampleAppender
    book: AlertBook
    board: HealthBoard
    time: TimeSource
