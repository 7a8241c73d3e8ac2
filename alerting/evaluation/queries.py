"""Instant queries of rules and host checks."""

import numpy as np

from alerting.errors import RuleEvaluationError
from model.labels import Labels
from promql.api import InstantVector, QueryEngine, QueryOptions, Scalar

_OPTIONS = QueryOptions(urgent=True)


async def instant_vector(engine: QueryEngine, query: str, time_ms: int) -> InstantVector:
    """Return the result of a query; a scalar becomes one series without labels.

    Raises:
        PromQLError: the query fails.
        RuleEvaluationError: the result is neither a vector nor a scalar.
    """
    value = (await engine.instant(query, time_ms, _OPTIONS)).value
    match value:
        case InstantVector():
            return value
        case Scalar():
            return InstantVector(value.time_ms, (Labels(),), np.array([value.value]))
        case _:
            raise RuleEvaluationError("the expression gives neither a vector nor a scalar")
