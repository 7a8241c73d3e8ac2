"""The answers of trends and funnels."""

from typing_extensions import TypedDict

from analytics.product.funnels import FunnelFigures, FunnelPersons, FunnelReport, FunnelStep
from analytics.product.trends import TrendPeriod, TrendSeries, TrendsReport
from web.events.documents import Range, RateDocument, rate_document
from web.projects.times import iso


class BucketDocument(TypedDict):
    """One bucket; `complete` is false while it has not ended."""

    period: str
    start: str
    end: str
    complete: bool


PeriodDocument = TypedDict(
    "PeriodDocument", {"from": str, "to": str, "buckets": list[BucketDocument]}
)
"""A range in buckets."""


class TrendValuesDocument(TypedDict):
    """The measures of a period by bucket, null where nothing is measured, and of the whole."""

    values: list[float | None]
    total: float | None


class TrendSeriesDocument(TypedDict):
    """One line; `other` stands for all values of the breakdown without a line of their own."""

    eventName: str
    measure: str
    property: str | None
    value: str | None
    other: bool
    current: TrendValuesDocument
    previous: TrendValuesDocument | None


class TrendsDocument(Range):
    """Measures in time; `previous` is the equally long period before, null unless compared."""

    interval: str
    timeZone: str
    breakdown: str | None
    current: PeriodDocument
    previous: PeriodDocument | None
    series: list[TrendSeriesDocument]


class FunnelStepDocument(TypedDict):
    """One step: who took it, who dropped off before it, and who still can take it."""

    step: int
    eventName: str
    users: int
    conversionRate: RateDocument
    stepConversionRate: RateDocument
    droppedOff: int
    stillOpen: int
    medianSeconds: float | None
    meanSeconds: float | None


class FunnelFiguresDocument(TypedDict):
    """A funnel of persons; the seconds are from the first step to the last."""

    totalUsers: int
    convertedUsers: int
    conversionRate: RateDocument
    medianSeconds: float | None
    meanSeconds: float | None
    steps: list[FunnelStepDocument]


class FunnelPartDocument(FunnelFiguresDocument):
    """The persons with one value of the breakdown's property, null for those without."""

    value: str | None
    other: bool


class FunnelDocument(Range, FunnelFiguresDocument):
    """A funnel, and its parts by the first value of a property; each person is in one part."""

    windowSeconds: int
    order: str
    breakdown: str | None
    parts: list[FunnelPartDocument]


class FunnelPersonDocument(TypedDict):
    """A person in a funnel, and when the steps were taken."""

    distinctId: str
    times: list[str]


class FunnelPersonsDocument(TypedDict):
    """One page of the persons behind a number; `next` is null after the last page."""

    total: int
    persons: list[FunnelPersonDocument]
    next: str | None


def period_document(period: TrendPeriod) -> PeriodDocument:
    """Return a range in buckets."""
    return {
        "from": iso(period.start_ms),
        "to": iso(period.end_ms),
        "buckets": [
            BucketDocument(period=label, start=iso(start), end=iso(end), complete=complete)
            for label, start, end, complete in zip(
                period.labels,
                period.edges_ms,
                period.edges_ms[1:],
                period.is_complete,
                strict=False,
            )
        ],
    }


def trend_series_document(series: TrendSeries) -> TrendSeriesDocument:
    """Return one line."""
    previous = series.previous
    return TrendSeriesDocument(
        eventName=series.event.label,
        measure=series.event.measure,
        property=series.event.property,
        value=series.value,
        other=series.is_other,
        current=TrendValuesDocument(values=list(series.current.values), total=series.current.total),
        previous=None
        if previous is None
        else TrendValuesDocument(values=list(previous.values), total=previous.total),
    )


def trends_document(
    common: Range, interval: str, time_zone: str, breakdown: str | None, report: TrendsReport
) -> TrendsDocument:
    """Return a trends report."""
    return TrendsDocument(
        **common,
        interval=interval,
        timeZone=time_zone,
        breakdown=breakdown,
        current=period_document(report.current),
        previous=None if report.previous is None else period_document(report.previous),
        series=[trend_series_document(one) for one in report.series],
    )


def step_document(number: int, step: FunnelStep) -> FunnelStepDocument:
    """Return one step of a funnel; the first has the number 1."""
    return FunnelStepDocument(
        step=number,
        eventName=step.name,
        users=step.persons,
        conversionRate=rate_document(step.of_first),
        stepConversionRate=rate_document(step.of_previous),
        droppedOff=step.dropped,
        stillOpen=step.open,
        medianSeconds=step.median_s,
        meanSeconds=step.mean_s,
    )


def figures_document(figures: FunnelFigures) -> FunnelFiguresDocument:
    """Return the figures of a funnel."""
    steps = figures.steps
    return FunnelFiguresDocument(
        totalUsers=steps[0].persons,
        convertedUsers=steps[-1].persons,
        conversionRate=rate_document(steps[-1].of_first),
        medianSeconds=figures.whole.median_s,
        meanSeconds=figures.whole.mean_s,
        steps=[step_document(number, step) for number, step in enumerate(steps, 1)],
    )


def funnel_document(
    common: Range, window_s: int, order: str, breakdown: str | None, report: FunnelReport
) -> FunnelDocument:
    """Return a funnel."""
    return FunnelDocument(
        **common,
        **figures_document(report.all),
        windowSeconds=window_s,
        order=order,
        breakdown=breakdown,
        parts=[
            FunnelPartDocument(**figures_document(part), value=part.value, other=part.is_other)
            for part in report.parts
        ],
    )


def funnel_persons_document(found: FunnelPersons) -> FunnelPersonsDocument:
    """Return one page of the persons of a funnel."""
    return FunnelPersonsDocument(
        total=found.total,
        persons=[
            FunnelPersonDocument(
                distinctId=person.distinct_id, times=[iso(time_ms) for time_ms in person.times_ms]
            )
            for person in found.persons
        ],
        next=found.next,
    )
