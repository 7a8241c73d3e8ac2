"""JSON documents of explanations, and of what matchers match."""

from collections.abc import Iterable

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from alerting.explanation.routes import RouteExplanation
from alerting.explanation.sentences import Sentence


class SentenceDocument(TypedDict):
    """A statement: `reason` is for programs, `text` for people."""

    reason: str
    text: str


class RouteExplanationDocument(TypedDict):
    """The decision of a route about an alert.

    `path` has the matchers of each node below the root; `is_held` says whether something
    mutes the alert on this route now.
    """

    path: list[str]
    receiver: str
    integrations: list[str]
    group_labels: dict[str, str]
    is_held: bool
    sentences: list[SentenceDocument]


class ExplanationDocument(TypedDict):
    """Why an alert is in its state, and what each of its routes does with it."""

    alert_id: int
    state: list[SentenceDocument]
    routes: list[RouteExplanationDocument]


class WhatIfDocument(TypedDict):
    """The routes that an alert with these labels would take if it fired now."""

    labels: dict[str, str]
    receivers: list[str]
    routes: list[RouteExplanationDocument]


class MatchedAlertDocument(TypedDict):
    """An open alert; `alert_id` is null for one that a peer reports."""

    alert_id: int | None
    labels: dict[str, str]


class SilencePreviewDocument(TypedDict):
    """The open alerts that matchers match now."""

    count: int
    alerts: list[MatchedAlertDocument]


def sentence_documents(sentences: Iterable[Sentence]) -> list[SentenceDocument]:
    """Return sentences."""
    return [{"reason": each.reason.value, "text": each.text} for each in sentences]


def route_documents(routes: Iterable[RouteExplanation]) -> list[RouteExplanationDocument]:
    """Return the explanations of routes."""
    return [
        {
            "path": list(each.path),
            "receiver": each.route.receiver,
            "integrations": list(each.integrations),
            "group_labels": dict(each.group_labels),
            "is_held": each.is_held,
            "sentences": sentence_documents(each.sentences),
        }
        for each in routes
    ]
