"""Instant queries of rules and host checks."""

import numpy as np

from alerting.errors import RuleEvaluationError
from model.labels import Labels
from promql.api import Answer, InstantVector, QueryEngine, QueryOptions, Scalar

OPTIONS = QueryOptions(urgent=True)
"""Rules and host checks are evaluated before all other queries."""


async def instant_vector(engine: QueryEngine, query: str, time_ms: int) -> InstantVector:
    """Return the result of a query; a scalar becomes one series without labels.

    Raises:
        PromQLError: the query fails.
        RuleEvaluationError: the result is neither a vector nor a scalar.
    """
    return vector_of(await engine.instant(query, time_ms, OPTIONS))


def vector_of(answer: Answer) -> InstantVector:
    """Return the result of an answer; a scalar becomes one series without labels.

    Raises:
        RuleEvaluationError: the result is neither a vector nor a scalar.
    """
    match answer.value:
        case InstantVector() as vector:
            return vector
        case Scalar(time_ms=time_ms, value=value):
            return InstantVector(time_ms, (Labels(),), np.array([value]))
        case _:
            raise RuleEvaluationError("the expression gives neither a vector nor a scalar")
