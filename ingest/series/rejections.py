"""Rejections: samples that cannot be stored, counted with their reasons."""

from ingest.limits.budgets import Refusal
from ingest.limits.label_checks import shown
from ingest.series.placement import MOST_LANES
from ingest.series.sample_batch import Samples
from ingest.series.series_table import SeriesTable
from ingest.series.write_result import WriteResult


class Rejections:
    """Counts rejected samples in the result of their request."""

    def __init__(self, table: SeriesTable, result: WriteResult) -> None:
        self._table, self._result = table, result

    def late(self, samples: Samples, refusal: Refusal | None = None) -> None:
        """Count samples of one time that are older than the last vector of every lane.

        Args:
            samples: of one time.
            refusal: the limit that refused another lane, None if the source has all lanes.
        """
        if refusal is None:
            detail = f": the source has {MOST_LANES} streams already"
            self._reject(samples, "out of order sample at", detail)
        elif len(samples):
            labels = shown(self._table.whole_labels_of(int(samples["series"][0])))
            message = f"{labels}, and {len(samples) - 1} more: {refusal.reason}"
            self._result.written -= len(samples)
            self._result.rejected += len(samples)
            self._result.refuse(refusal.limit, message, refusal.retry_after_s)

    def duplicates(self, samples: Samples) -> None:
        """Count samples of one time for which the store holds other values."""
        self._reject(samples, "duplicate sample for timestamp")

    def _reject(self, samples: Samples, reason: str, detail: str = "") -> None:
        if len(samples):
            labels = shown(self._table.whole_labels_of(int(samples["series"][0])))
            time_ms, more = samples["time_ms"][0], len(samples) - 1
            self._result.written -= len(samples)
            self._result.reject(
                len(samples), f"{labels}: {reason} {time_ms} ms, and {more} more{detail}"
            )
