"""The tables of limits in docs/operations.md: defaults, settings, metrics and refusals."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import create_autospec

import pytest
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

import alerting.alertmanagers.queue as alertmanager_queue
import alerting.rules.expansion as rule_expansion
import alerting.simulation.backtest as backtest
import alerting.templates.budget as template_budget
import analytics.product.ingestion as event_ingestion
import analytics.product.saved_reports as saved_reports
import analytics.product.segments as segments
import analytics.product.shares as report_links
import analytics.sessions.outcomes.github_client as github_client
import analytics.sessions.traces.values as session_values
import daemon.receiver_clients as receiver_clients
import daemon.server.management.stored_receivers as stored_receivers
import ingest.hosts.exposition_report as exposition_report
import model.decompression.gzip_body as gzip_body
import model.documents as documents
import promql.evaluation.timing as query_timing
import promql.syntax.cursor as query_syntax
import scraper.discovery.engine.api as discovery_api
import scraper.fetching.direct as direct_scrapes
import scraper.fetching.http_session as scrape_sessions
import scraper.probing.http_probe as http_probe
import storage.api.fleet.host_views as host_views
import storage.records.annotations as annotations
import storage.records.dashboards.sqlite_dashboards as stored_dashboards
import storage.records.people.queries as remembered_queries
import storage.records.status.sqlite_probes as stored_probes
import storage.records.status.sqlite_status_pages as status_pages
import storage.samples.deletion.tombstones as tombstones
import web.alerts.backtests as backtests
import web.alerts.listing.bulk_acknowledgement as bulk_acknowledgement
import web.alerts.rule_editor.groups_api as rule_groups_api
import web.alerts.rule_editor.unit_tests as unit_tests
import web.dashboards.api as dashboards_api
import web.dashboards.definition as dashboard_definition
import web.dashboards.shares as dashboard_links
import web.events.collection as event_collection
import web.events.transfer_api as event_transfer
import web.http.parameters as parameters
import web.identity.login as login
import web.identity.passwords as passwords
import web.identity.second_factor as second_factor
import web.identity.throttle as throttle
import web.ingest.gateway as gateway_api
import web.ingest.otlp as otlp_api
import web.ingest.otlp_grpc as otlp_grpc
import web.ingest.remote_write as remote_write_api
import web.live.connection as live_connection
import web.live.messages as live_messages
import web.live.outbox as live_outbox
import web.live.socket as live_socket
import web.management.rule_groups as stored_groups
import web.probes.api as heartbeats_api
import web.prometheus.remote_read.api as remote_read_api
import web.prometheus.remote_read.request as remote_read_request
import web.prometheus.server.notifications as notifications_api
import web.requests.track_api as track_api
import web.sessions.ingest_api as trace_api
import web.status_pages.api as status_pages_api
from alerting.alertmanagers.notifier import AlertmanagerNotifier
from alerting.templates.budget import IN_THREAD
from daemon.configuration.settings import Settings
from daemon.server.alertmanager_metrics import AlertmanagerCollector
from daemon.server.metrics import LimitCollector, MemoryCollector, StoreCollector
from ingest.limits.write_limits import WriteLimits
from model.limits import LimitName, Refusals
from model.memory_pressure import MemoryReading
from storage.api.sample_stats import StoreStats

ROOT = Path(__file__).parents[3]
UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "minutes": 60}
# The default of a cgroup's limit is known at run time only.
AT_RUN_TIME = {"server.memory_limit"}
LIMITS = WriteLimits()
LOGINS = inspect.signature(throttle.LoginThrottle).parameters

CONSTANTS: dict[str, tuple[float, ...]] = {
    "bytes of the body of a heartbeat": (
        heartbeats_api._HEARTBEAT_BYTES,
        status_pages_api.MOST_LOGO_BYTES,
        dashboards_api.LARGEST_BYTES,
        rule_groups_api._BODY_BYTES,
        remote_read_api._BODY_BYTES,
        remote_write_api._BODY_BYTES,
        gateway_api._BODY_BYTES,
        track_api._BODY_LIMIT_BYTES,
        trace_api._WEBHOOK_LIMIT_BYTES,
        event_collection.BODY_LIMIT_BYTES,
        event_transfer._BODY_LIMIT_BYTES,
        otlp_api.BODY_BYTES,
        trace_api._BODY_LIMIT_BYTES,
    ),
    "failed logins": (
        LOGINS["per_name"].default,
        LOGINS["per_address"].default,
        throttle._FREE_FAILURES,
        second_factor._GUESSES,
        login._REGISTRATIONS,
    ),
    "logins that wait": (passwords._MOST_WAITING,),
    "bytes of the answer of a service discovery": (
        discovery_api.MAX_BODY_BYTES,
        discovery_api.MAX_LINE_BYTES,
    ),
    "points of a series": (query_timing.MAX_STEPS,),
    "characters of a query": (query_syntax.MAX_LENGTH, query_syntax.MAX_NESTING),
    "remote reads at the same time": (
        remote_read_api._AT_ONCE,
        remote_read_request._MOST_QUERIES,
        remote_read_request._MOST_MATCHERS,
    ),
    "nodes of a YAML file": (documents._SPARE_NODES,),
    "parts of a compressed body": (gzip_body.MOST_MEMBERS,),
    "fields of a form": (
        parameters._MOST_FIELDS,
        bulk_acknowledgement._MOST,
        passwords.LONGEST,
    ),
    "patterns and nesting of a template": (
        template_budget._MAX_PATTERN_CHARS,
        template_budget.MAX_DEPTH,
    ),
    "bytes of the headers of a scrape's answer": (
        direct_scrapes.MAX_HEAD_BYTES,
        scrape_sessions._MAX_TOKEN_BYTES,
    ),
    "rule groups made": (
        stored_groups.MOST_GROUPS,
        stored_groups.LONGEST_RULES,
        stored_groups.MOST_CHARACTERS,
    ),
    "the expansion of one template": (
        IN_THREAD.steps,
        IN_THREAD.chars,
        IN_THREAD.seconds,
        rule_expansion.MAX_QUERIES,
        rule_expansion._MAX_SAMPLES,
    ),
    "bytes, series and samples of one pushed request": (
        remote_write_api._BODY_BYTES,
        LIMITS.decompressed_bytes,
        LIMITS.request.series,
        LIMITS.request.samples,
    ),
    "bytes of an OTLP request": (otlp_api.BODY_BYTES, LIMITS.request.samples),
    "requests of one gRPC connection": (otlp_grpc._STREAMS,),
    "characters of a name in a session": (
        session_values.LONGEST_TEXT,
        session_values.LONGEST_CONTENT,
    ),
    "requests of a sender that wait": (LIMITS.waiting_bytes,),
    "properties of an event": (
        event_ingestion.LONGEST_ID,
        event_ingestion.LONGEST_NAME,
        event_ingestion.LARGEST_PROPERTIES_BYTES,
    ),
    "series of the scrape that a host pushes": (exposition_report._MOST_SERIES,),
    "queries of one live connection": (
        live_connection.MOST_SUBSCRIPTIONS,
        live_messages.LARGEST_REQUEST_BYTES,
        live_outbox.LARGEST_BYTES,
    ),
    "messages and bytes that wait": (live_outbox.MOST_MESSAGES, live_outbox.MOST_BYTES),
    "live connections whose token": (live_socket._MOST_UNAUTHENTICATED,),
    "streams of": (notifications_api._MOST_CLIENTS,),
    "a back-test": (
        backtest.MAX_EVALUATIONS,
        backtest.MAX_RECORDED,
        backtest.MAX_EXPANSIONS,
        backtests._MAX_SAMPLES,
        backtests._LONGEST_S,
    ),
    "a unit test of rules": (
        unit_tests._MOST_POINTS,
        unit_tests._MOST_EVALUATIONS,
        unit_tests._MAX_SAMPLES,
        unit_tests._LONGEST_S,
    ),
    "alerts that wait": (alertmanager_queue.CAPACITY,),
    "bytes of the answer of a receiver": (receiver_clients._MOST_BYTES,),
    "bytes of an answer of GitHub": (
        github_client._MOST_BODY_BYTES,
        github_client._MOST_REDIRECTS,
    ),
    "bytes of the body and of the headers": (
        http_probe._MOST_BODY_BYTES,
        http_probe._MOST_HEADER_BYTES,
        http_probe._MOST_REDIRECTS,
    ),
}
"""The limits without a setting, by the beginning of the row that has them."""

STORED: dict[str, tuple[float, ...]] = {
    "dashboards": (
        stored_dashboards.MOST,
        stored_dashboards.MOST_VERSIONS,
        dashboard_definition.MOST_PANELS,
        dashboard_definition.MOST_QUERIES,
        dashboard_links.MOST_SHARES,
    ),
    "probes": (stored_probes.MOST,),
    "status pages": (status_pages.MOST, status_pages.MOST_INCIDENTS),
    "annotations": (annotations.MOST,),
    "receivers": (stored_receivers.MOST,),
    "rule groups": (stored_groups.MOST_GROUPS,),
    "saved queries": (remembered_queries.MOST_SAVED, remembered_queries.MOST_REMEMBERED),
    "saved views": (host_views.MOST_VIEWS,),
    "of a project": (
        saved_reports.MOST_REPORTS,
        segments.MOST_SEGMENTS,
        report_links.MOST_SHARES,
    ),
    "tombstones": (tombstones._MOST_TOMBSTONES,),
}
"""What users may store, by the beginning of the row in the second table."""

NO_LIMITS = (
    *("storage.chunk_", "storage.window_ms", "storage.retention_", "storage.commit_interval_ms"),
    # Caches; a larger query reads the disk.
    *("storage.recent_bytes", "storage.decoded_bytes", "events.memory_bytes", "events.threads"),
    *("scrape.interval", "query.lookback_ms", "web.live_interval_s", "web.cors.max_age_s"),
    *("web.session_", "web.token_lifetime_s", "web.audit_retention_days"),
    *("alerting.checks.", "alerting.flapping.", "alerting.delivery.", "alerting.history_ms"),
    *("alerting.evaluation_interval_ms", "alerting.start_delay_ms"),
    *("alerting.acknowledge_links_ms", "sessions.github.", "backups."),
)
"""Beginnings of settings with a number that is no limit: intervals, ages, thresholds, caches."""


LIMIT_WORDS = re.compile(r"(?:^|_)(?:MOST|MAX|LARGEST|LONGEST|LIMIT|AT_ONCE|BYTES|CAPACITY)(?:_|$)")
"""The words that a constant is named with if it is a limit."""

REFUSING = re.compile(
    r"LimitName\.|\bToo(?:Many|Much|Large)\w*\b|\b413\b|\b429\b|limit_bytes|read_body"
)
"""What the code of a module has that refuses something because of a limit."""

STORING = ("storage/records/", "storage/api/")
"""Packages with what users may store; they raise errors of the engine or of their own."""

PACKAGES = (
    *("alerting", "analytics", "daemon", "ingest", "model", "promql", "scraper", "storage", "web"),
)

NO_LIMIT_CONSTANTS: dict[str, str] = {
    # How much work runs on the event loop, in one piece, or in a thread.
    "ingest/gateway/gateway.py": "_THREAD_BYTES",
    "ingest/otlp/receiver.py": "_THREAD_BYTES",
    "ingest/remote_write/receiver.py": "_THREAD_BYTES",
    "model/memory_pressure.py": "_LARGE_BYTES",
    "scraper/discovery/engine/api.py": "_MAX_ERROR_BYTES _SMALL_BYTES",
    "scraper/fetching/compression.py": "_THREAD_BYTES",
    "scraper/fetching/fetch.py": "_YIELD_BYTES",
    "scraper/scheduling/target_scraper.py": "_THREAD_BYTES _UNKNOWN_THREAD_BYTES _MAX_TOLERANCE_MS",
    "storage/records/alerts.py": "_DELETED_AT_ONCE",
    "storage/records/row_changes.py": "_ROWS_READ_AT_ONCE",
    "storage/records/salvage.py": "_ROWS_READ_AT_ONCE _MOST_MISSING",
    "web/events/sdk/packed_bodies.py": "_IN_THREAD_FROM_BYTES",
    "web/connections/accepting.py": "_AT_ONCE",
    "web/http/bodies.py": "_IN_THREAD_FROM_BYTES _SLOWEST_BYTES_S _LONGEST_S",
    "web/prometheus/remote_read/api.py": "_MESSAGE_BYTES",
    # Caches: what does not fit is read or computed again.
    "analytics/event_rates.py": "_MOST_RATES",
    "ingest/hosts/exposition_report.py": "_MOST_SHARED",
    "storage/records/accounts.py": "_MAX_CACHED",
    "storage/records/people/preferences.py": "_MAX_CACHED",
    "web/http/quotas.py": "MOST_SENDERS",
    # Sizes of formats and first sizes of buffers.
    "analytics/product/limits.py": "_LEAST_BYTES",
    "daemon/server/memory_guard.py": "_GROWTH_BYTES",
    "ingest/remote_write/request_decoder.py": "_MOST_DERIVED",
    "ingest/remote_write/write_request_2.py": "_MOST_REF_BYTES",
    "ingest/series/series_table.py": "_FIRST_CAPACITY",
    "model/decompression/zstd_body.py": "_FIRST_BYTES",
    "model/process/resident_memory.py": "_NO_LIMIT_FROM_BYTES",
    "promql/evaluation/relabeling.py": "_LONGEST_NUMBER",
    "promql/evaluation/timing.py": "_LIMIT_S _LIMIT_MS",
    "promql/running/memory_share.py": "SAMPLE_BYTES",
    "storage/api/rewinding.py": "_MOST_STREAMS",
    "storage/records/database.py": "_CHECKED_BYTES",
    "web/alerts/listing/bulk_acknowledgement.py": "_MOST_DIGITS",
    "web/events/bodies.py": "_MOST_DIGITS",
    "web/http/parameters.py": "_LARGEST_ID",
    "web/prometheus/parameters.py": "_LONGEST_MS",
    # Lengths of names, which the form says.
    "web/hosts/listing/views_page.py": "LONGEST_NAME",
    # How much of an answer or a message is shown or read; the rest is left out.
    "alerting/rules/expansion.py": "_MAX_RESULTS",
    "analytics/sessions/outcomes/github_client.py": "_LONGEST_WAIT_S _MOST_PAGES",
    "ingest/limits/budgets.py": "LONGEST_WAIT_S",
    "ingest/otlp/metrics.py": "_MOST_MESSAGES",
}
"""Constants of refusing modules that are no limit for a client, by the reason above them."""


def constants_of(tree: ast.Module) -> Iterator[str]:
    """Yield the names of a module's constants that are numbers and are named as limits."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        value = getattr(node, "value", None)
        if not isinstance(value, ast.BinOp | ast.Constant) or (
            isinstance(value, ast.Constant) and not isinstance(value.value, int | float)
        ):
            continue
        for target in targets:
            if isinstance(target, ast.Name) and LIMIT_WORDS.search(target.id):
                yield target.id


def limits_in_code() -> Iterator[tuple[str, str]]:
    """Yield path and name of the constants of modules that refuse something."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            path, text = file.relative_to(ROOT).as_posix(), file.read_text()
            if REFUSING.search(text) or path.startswith(STORING):
                yield from ((path, name) for name in constants_of(ast.parse(text)))


def limits_in_tables() -> set[tuple[str, str]]:
    """Return path and name of the constants that the tables of this module name."""
    tree = ast.parse(Path(__file__).read_text())
    modules = {
        alias.asname: alias.name.replace(".", "/") + ".py"
        for node in tree.body
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.asname
    }
    return {
        (modules[node.value.id], node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in modules
    }


def section(title: str) -> str:
    """Return the text of a section of the page."""
    page = (ROOT / "docs" / "operations.md").read_text()
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


def table(title: str) -> list[list[str]]:
    """Return the cells of each row of the table in a section."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def rows() -> list[list[str]]:
    """Return the cells of each row: what, default, setting, limit, answer."""
    return table("Limits")


def numbers(text: str) -> set[float]:
    """Return the numbers of a text in base units."""
    found = re.findall(r"(\d[\d,]*) ?(KiB|MiB|GiB|)", text)
    return {float(digits.replace(",", "")) * UNITS[unit] for digits, unit in found}


def leaves(value: object) -> Iterator[float]:
    """Yield the numbers of a setting and of those below it; None is no limit."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from leaves(getattr(value, name))
    elif isinstance(value, dict):
        for one in value.values():
            yield from leaves(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def setting(path: str) -> object:
    value: object = Settings()
    for name in path.split("."):
        value = getattr(value, name)
    return value


def paths_of(row: list[str]) -> list[str]:
    """Return the settings that a row names."""
    return re.findall(r"`([\w.]+)`", row[2])


def numeric_settings(value: BaseModel, path: str = "") -> Iterator[str]:
    """Yield the paths of the settings that are numbers by default."""
    for name in type(value).model_fields:
        one = getattr(value, name)
        if isinstance(one, BaseModel):
            yield from numeric_settings(one, f"{path}{name}.")
        elif isinstance(one, int | float) and not isinstance(one, bool):
            yield path + name


def named(tables: Mapping[str, tuple[float, ...]], what: str) -> set[float]:
    """Return the limits of the row that begins so; each row has at most one entry."""
    found = [limits for beginning, limits in tables.items() if what.startswith(beginning)]
    assert len(found) <= 1
    return {float(limit) for limits in found for limit in limits}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_default_on_the_page_is_the_default_of_the_setting(row: list[str]) -> None:
    default = row[1]
    for path in paths_of(row):
        if path in AT_RUN_TIME:
            continue
        value, on_page = setting(path), numbers(default)
        known = set(leaves(value))
        if isinstance(value, BaseModel) or path == "web.rate_limits":
            # One row has some of a group of settings.
            assert on_page <= known, path
        else:
            # 0 is no limit, "none" on the page.
            assert known - {0.0} <= on_page, path
        assert on_page or known <= {0.0}, path


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_every_number_on_the_page_is_a_limit(row: list[str]) -> None:
    what, default, *_ = row
    constants = named(CONSTANTS, what)
    of_settings = {number for path in paths_of(row) for number in leaves(setting(path))}
    assert numbers(default) - of_settings <= constants
    assert constants <= numbers(default)


def test_every_constant_has_a_row() -> None:
    beginnings = [row[0] for row in rows()]
    assert [one for one in CONSTANTS if not any(what.startswith(one) for what in beginnings)] == []


def test_every_limit_in_a_module_that_refuses_has_a_row_or_is_no_limit() -> None:
    listed = {(path, name) for path, names in NO_LIMIT_CONSTANTS.items() for name in names.split()}
    tables, code = limits_in_tables(), set(limits_in_code())
    assert sorted(code - tables - listed) == [], (
        "name the limit in docs/operations.md and in CONSTANTS or STORED, or say that it is none"
    )
    assert sorted(listed - code) == [], "no such constant"
    assert listed & tables == set()


def test_a_new_limit_is_found() -> None:
    source = 'A = 1\n_MOST_X: Final = 2**10\nLARGEST_Y = 3.5\nLONGEST = "x"\nMAX_Z = f(1)\n'
    assert list(constants_of(ast.parse(source))) == ["_MOST_X", "LARGEST_Y"]


def test_every_setting_with_a_number_has_a_row_or_is_no_limit() -> None:
    on_page = [path for row in rows() for path in paths_of(row)]
    missing = [
        path
        for path in numeric_settings(Settings())
        if not path.startswith(NO_LIMITS)
        and not any(path == one or path.startswith(f"{one}.") for one in on_page)
    ]
    assert missing == [], "name the limit in docs/operations.md, or say above that it is none"


def test_metrics_on_the_page_are_exported() -> None:
    registry = CollectorRegistry()
    registry.register(LimitCollector(Refusals()))
    registry.register(MemoryCollector(MemoryReading()))
    registry.register(StoreCollector(lambda: StoreStats(0, 0, 0, 0, 0, 0, 0, None, None)))
    notifier = create_autospec(AlertmanagerNotifier, instance=True, queues={})
    registry.register(AlertmanagerCollector(notifier))
    exported = {
        name + ("_total" if family.type == "counter" else "")
        for family in registry.collect()
        for name in (family.name,)
    }
    on_page = set(re.findall(r"redshank_\w+", section("Limits")))
    assert len(on_page) > 4
    assert on_page - exported == set()


def test_limits_on_what_users_store_are_those_on_the_page() -> None:
    page = table("Limits on what users store")
    assert {what: numbers(most) for what, most, _ in page} == {
        what: named(STORED, what) for what, *_ in page
    }
    assert len(page) == len(STORED)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_every_row_says_what_the_client_sees(row: list[str]) -> None:
    assert len(row) == 5
    assert re.search(r"\w{3}", row[4])


def test_every_limit_is_refused_in_a_test() -> None:
    own = {Path(__file__), ROOT / "tests" / "model" / "test_limits.py"}
    files = [file for file in (ROOT / "tests").rglob("*.py") if file not in own]
    text = "".join(file.read_text() for file in files)
    named = set(re.findall(r"LimitName\.([A-Z_]+)", text))
    unnamed = [one for one in LimitName if one.name not in named and f'"{one}"' not in text]
    assert unnamed == []
