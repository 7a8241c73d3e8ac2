"""What rules ask of the query engine: one vector at one time."""

import numpy as np

from alerting.errors import RuleEvaluationError
from model.labels import Labels
from promql.api import InstantVector, QueryEngine, Scalar


async def instant_vector(engine: QueryEngine, query: str, time_ms: int) -> InstantVector:
    """Return the query's vector; a scalar is a vector of one series without labels.

    Raises:
        PromQLError: the query cannot be answered.
        RuleEvaluationError: it gives neither a vector nor a scalar.
    """
    value = (await engine.instant(query, time_ms)).value
    match value:
        case InstantVector():
            return value
        case Scalar():
            return InstantVector(value.time_ms, (Labels(),), np.array([value.value]))
        case _:
            raise RuleEvaluationError("the expression gives neither a vector nor a scalar")
