"""The limits of the server, and the count of what each of them refused.

Each package counts here when it refuses something because of a limit; `/metrics` shows
`redshank_limit_refusals_total{limit="..."}`. The section "Limits" of docs/operations.md has a
row for each member of `LimitName`.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum


class LimitName(StrEnum):
    """The name of each limit, as the label `limit` on `/metrics` has it."""

    ADDRESS_QUOTA = "address_quota"
    """Requests a minute of one address."""
    KEY_QUOTA = "key_quota"
    """Requests a minute of one session, token or host key."""
    CONNECTIONS = "connections"
    """Open connections in all."""
    ADDRESS_CONNECTIONS = "address_connections"
    """Open connections of one address."""
    DESCRIPTORS = "descriptors"
    """File descriptors that connections may take, less those kept for scrapes and databases."""
    HEADER_TIME = "header_time"
    """The time for a request's line and headers."""
    BODY_SIZE = "body_size"
    """Bytes of a request's body, as sent and decompressed."""
    BODY_TIME = "body_time"
    """The time for a request's body, which grows while the body arrives."""
    SEND_TIME = "send_time"
    """The time in which a client accepts no part of an answer."""
    LOGIN_FAILURES = "login_failures"
    """Logins, codes and new accounts that must wait, because too many came before."""
    WAITING_LOGINS = "waiting_logins"
    """Logins that wait for their password to be hashed."""
    LIVE_STREAMS = "live_streams"
    """Live connections in all."""
    ADDRESS_LIVE_STREAMS = "address_live_streams"
    """Live connections of one address."""
    KEY_LIVE_STREAMS = "key_live_streams"
    """Live connections of one session or token."""
    LIVE_SERIES = "live_series"
    """Series that the queries of all live connections yield."""
    STREAM_SERIES = "stream_series"
    """Series that the queries of one live connection yield."""
    PUSH_REQUEST = "push_request"
    """Bytes, series or samples of one pushed request."""
    PUSH_WAITING = "push_waiting"
    """Bytes of requests of one sender that wait for its earlier ones."""
    PUSH_LABELS = "push_labels"
    """Labels of a pushed series."""
    PUSH_LABEL_NAME_LENGTH = "push_label_name_length"
    """Length of a label name of a pushed series."""
    PUSH_LABEL_VALUE_LENGTH = "push_label_value_length"
    """Length of a label value of a pushed series."""
    PUSH_LABEL_BYTES = "push_label_bytes"
    """Label bytes of a pushed series."""
    SOURCE_SERIES = "source_series"
    """Active series of one source of a sender."""
    SENDER_SERIES = "sender_series"
    """Active series of a sender."""
    SENDER_STREAMS = "sender_streams"
    """Streams of a sender."""
    SENDER_LABEL_BYTES = "sender_label_bytes"
    """Label bytes of a sender's active series."""
    SENDER_SAMPLES = "sender_samples_per_second"
    """Samples a second of a sender."""
    SENDER_NEW_SERIES = "sender_new_series_per_minute"
    """New series a minute of a sender."""
    TOKEN_SERIES = "token_series"  # noqa: S105
    """Active series that one token added."""
    TOKEN_STREAMS = "token_streams"  # noqa: S105
    """Streams that one token added."""
    TOKEN_LABEL_BYTES = "token_label_bytes"  # noqa: S105
    """Label bytes of the active series that one token added."""
    TOKEN_SAMPLES = "token_samples_per_second"  # noqa: S105
    """Samples a second of one token."""
    TOKEN_NEW_SERIES = "token_new_series_per_minute"  # noqa: S105
    """New series a minute of one token."""
    RULE_SERIES = "rule_series"
    """Series that the expression of a rule returns."""
    RULE_ALERTS = "rule_alerts"
    """Alerts of one rule."""
    ALERTS = "alerts"
    """Open alerts in all."""
    TEMPLATE_STEPS = "template_steps"
    """Steps of the expansion of a template."""
    TEMPLATE_TEXT = "template_text"
    """Characters of the text of a template."""
    TEMPLATE_TIME = "template_time"
    """The time that the expansion of a template takes."""
    TEMPLATE_QUERIES = "template_queries"
    """Different queries of one expansion of a template."""
    BATCH_EVENTS = "batch_events"
    """Events or tracked requests of one batch."""
    EVENT_NAMES = "event_names"
    """Event names of a project."""
    PROJECT_EVENTS = "project_events_per_second"
    """Events and tracked requests a second of a project."""
    EVENT_PROPERTIES = "event_properties"
    """Properties of an event."""
    MEMORY = "memory"
    """Queries and pushes refused near `server.memory_limit`."""
    QUERY_SAMPLES = "query_samples"
    """Samples that a query holds in memory."""
    QUERY_LABEL_BYTES = "query_label_bytes"
    """Bytes of the label values that a query makes."""
    QUERY_RESULT_BYTES = "query_result_bytes"
    """Bytes of the result of a query."""
    QUERY_TIME = "query_time"
    """The time that a query takes, with its wait for a thread."""
    REMOTE_READ_SAMPLES = "remote_read_samples"
    """Samples that a remote read returns."""
    SCRAPE = "scrape"
    """Bytes, samples or labels of one scrape."""


class Refusals:
    """Counts refusals by limit since the start; any thread may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counter[LimitName]()

    def count(self, limit: LimitName, number: int = 1) -> None:
        """Add refusals of one limit."""
        with self._lock:
            self._counts[limit] += number

    def totals(self) -> Mapping[LimitName, int]:
        """Return the number of refusals of every limit, zeros included."""
        with self._lock:
            return {limit: self._counts[limit] for limit in LimitName}
