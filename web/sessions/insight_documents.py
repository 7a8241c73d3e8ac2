"""The document of insights: prodlens's fields, and what makes them honest."""

from typing_extensions import TypedDict

from analytics.sessions.reports import AgentInsights
from analytics.statistics.lagged_correlation import LEAST_DAYS, LaggedCorrelation
from web.http.viewing.messages import translated_message
from web.http.viewing.texts import gettext, marked
from web.sessions.documents import iso


class CorrelationDocument(TypedDict):
    """One pair at one lag; `r` is null where it was refused, for the reason `refusal`."""

    variable1: str
    variable2: str
    r: float | None
    p_value: float | None
    count: int
    lag_days: int
    significant: bool
    effect_size: str | None
    effective_n: float
    confidence_low: float | None
    confidence_high: float | None
    refusal: str | None


class AgentInsightsDocument(TypedDict):
    """The findings and correlations of a range, and the method behind them."""

    key_findings: list[str]
    correlations: list[CorrelationDocument]
    recommendations: list[str]
    anomalies: list[str]
    generated_at: str
    method: str
    minimum_days: int
    refused: bool


METHOD = marked(
    "Pearson correlation of daily series after removing the straight line of each, with the"
    " effective number of days by Bartlett's formula, 95 % intervals by Fisher's transformation,"
    " and Benjamini-Hochberg over every pair and lag at a false discovery rate of 5 %."
)
WORDS = {
    "sessions": marked("sessions"),
    "tokens": marked("tokens"),
    "cost_usd": marked("cost"),
    "commits": marked("commits"),
    "merged_prs": marked("merged pull requests"),
    "pr_merge_hours": marked("hours until a pull request is merged"),
}


def effect_size(r: float) -> str:
    """Return Cohen's word for a correlation."""
    size = abs(r)
    if size < 0.1:
        return gettext("negligible")
    if size < 0.3:
        return gettext("small")
    return gettext("medium") if size < 0.5 else gettext("large")


def finding_text(one: LaggedCorrelation) -> str:
    """Return a finding as a sentence that claims no cause."""
    # Text, and not figures with the signs of a language: the API has the same sentences.
    values = {
        "cause": gettext(WORDS[one.cause]),
        "effect": gettext(WORDS[one.effect]),
        "lag": one.lag_days,
    }
    if (one.r or 0) > 0 and one.lag_days:
        what = gettext("Days with more %(cause)s go with more %(effect)s %(lag)s days later:")
    elif (one.r or 0) > 0:
        what = gettext("Days with more %(cause)s go with more %(effect)s the same day:")
    elif one.lag_days:
        what = gettext("Days with more %(cause)s go with fewer %(effect)s %(lag)s days later:")
    else:
        what = gettext("Days with more %(cause)s go with fewer %(effect)s the same day:")
    figures = gettext(
        "r = %(r)s (95 %% interval %(low)s to %(high)s, %(days)s days, worth %(worth)s independent "
        "ones). This is no proof of a cause."
    )
    return f"{what % values} " + figures % {
        "r": f"{one.r:.2f}",
        "low": f"{one.low:.2f}",
        "high": f"{one.high:.2f}",
        "days": one.days,
        "worth": f"{one.effective_days:.0f}",
    }


def correlation_document(one: LaggedCorrelation) -> CorrelationDocument:
    """Return one pair at one lag."""
    return CorrelationDocument(
        variable1=one.cause,
        variable2=one.effect,
        r=one.r,
        p_value=one.p_value,
        count=one.days,
        lag_days=one.lag_days,
        significant=one.is_significant,
        effect_size=None if one.r is None else effect_size(one.r),
        effective_n=round(one.effective_days, 1),
        confidence_low=one.low,
        confidence_high=one.high,
        refusal=one.refusal or None,
    )


def summary_of(insights: AgentInsights) -> list[str]:
    """Return the findings as sentences, or why there are none."""
    if insights.refused:
        reason = next((one.refusal for one in insights.correlations if one.refusal), "")
        values = {"reason": translated_message(reason) or reason}
        return [gettext("No correlation is computed: %(reason)s.") % values]
    if not insights.findings:
        tried = sum(one.r is not None for one in insights.correlations)
        text = gettext(
            "None of the %(tried)s pairs and lags that were tried holds beside the others."
        )
        return [text % {"tried": tried}]
    return [finding_text(one) for one in insights.findings]


def insights_document(insights: AgentInsights, now_ms: int) -> AgentInsightsDocument:
    """Return insights; recommendations follow from data only, so a refusal asks for more days."""
    advice = []
    if insights.refused:
        advice.append(
            f"Ask for a range of at least {LEAST_DAYS} days with sessions, and import commits and"
            " pull requests."
        )
    return AgentInsightsDocument(
        key_findings=summary_of(insights),
        correlations=[correlation_document(one) for one in insights.correlations],
        recommendations=advice,
        anomalies=[
            f"{day}: ${cost:.2f}, far above the median of the days with sessions"
            for day, cost in insights.anomalies
        ],
        generated_at=iso(now_ms),
        method=METHOD,
        minimum_days=LEAST_DAYS,
        refused=insights.refused,
    )
