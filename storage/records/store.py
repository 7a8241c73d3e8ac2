"""The records: all subjects of `records.db`, opened and closed together."""

from pathlib import Path

from model.conditions import Conditions
from storage.records import (
    accounts,
    alert_tables,
    annotations,
    audit,
    host_keys,
    hosts,
    project_keys,
    projects,
    pushed_groups,
    second_factors,
)
from storage.records.accounts import SqliteAccounts
from storage.records.alerts import SqliteAlerts
from storage.records.annotations import SqliteAnnotations
from storage.records.audit import SqliteAudit
from storage.records.dashboards import sqlite_dashboards, sqlite_shares
from storage.records.dashboards.sqlite_dashboards import SqliteDashboards
from storage.records.dashboards.sqlite_shares import SqliteDashboardShares
from storage.records.database import RecordsDatabase
from storage.records.fleet import sqlite_host_views
from storage.records.fleet.sqlite_host_views import SqliteHostViews
from storage.records.host_keys import SqliteHostKeys
from storage.records.hosts import SqliteHosts
from storage.records.people import external_identities, preferences, queries
from storage.records.people.external_identities import SqliteExternalIdentities
from storage.records.people.preferences import SqlitePreferences
from storage.records.people.queries import SqliteQueries
from storage.records.project_keys import SqliteProjectKeys
from storage.records.projects import SqliteProjects
from storage.records.pushed_groups import SqlitePushedGroups
from storage.records.reports import saved_reports, schema_notes, segments, shares
from storage.records.reports.saved_reports import SqliteSavedReports
from storage.records.reports.schema_notes import SqliteSchemaNotes
from storage.records.reports.segments import SqliteSegments
from storage.records.reports.shares import SqliteShares
from storage.records.routing import added_receivers
from storage.records.routing.added_receivers import SqliteAddedReceivers
from storage.records.rules import sqlite_rule_groups
from storage.records.rules.sqlite_rule_groups import SqliteRuleGroups
from storage.records.second_factors import SqliteSecondFactors
from storage.records.status import sqlite_probes, sqlite_status_pages
from storage.records.status.sqlite_probes import SqliteProbes
from storage.records.status.sqlite_status_pages import SqliteStatusPages


class Records:
    """All records; each subject is an attribute."""

    def __init__(self, path: Path, conditions: Conditions | None = None) -> None:
        # A command that opens the records without a server shows no conditions.
        self._database = RecordsDatabase(path, conditions or Conditions(lambda: 0))
        self.accounts = SqliteAccounts(self._database)
        self.alerts = SqliteAlerts(self._database)
        self.annotations = SqliteAnnotations(self._database)
        self.dashboards = SqliteDashboards(self._database)
        self.dashboard_shares = SqliteDashboardShares(self._database)
        self.queries = SqliteQueries(self._database)
        self.audit = SqliteAudit(self._database)
        self.hosts = SqliteHosts(self._database)
        self.host_views = SqliteHostViews(self._database)
        self.host_keys = SqliteHostKeys(self._database)
        self.probes = SqliteProbes(self._database)
        self.status_pages = SqliteStatusPages(self._database)
        self.second_factors = SqliteSecondFactors(self._database)
        self.preferences = SqlitePreferences(self._database)
        self.external_identities = SqliteExternalIdentities(self._database)
        self.added_receivers = SqliteAddedReceivers(self._database)
        self.projects = SqliteProjects(self._database)
        self.project_keys = SqliteProjectKeys(self._database)
        self.pushed_groups = SqlitePushedGroups(self._database)
        self.rule_groups = SqliteRuleGroups(self._database)
        self.saved_reports = SqliteSavedReports(self._database)
        self.schema_notes = SqliteSchemaNotes(self._database)
        self.segments = SqliteSegments(self._database)
        self.shares = SqliteShares(self._database)

    @property
    def writing_s(self) -> float:
        """How long the running write has taken so far."""
        return self._database.writing_s

    def open(self) -> None:
        """Open the file and migrate its schema; blocks.

        Raises:
            StorageError: the file cannot be opened or migrated.
        """
        subjects = (
            accounts,
            alert_tables,
            annotations,
            audit,
            sqlite_dashboards,
            sqlite_shares,
            sqlite_probes,
            sqlite_status_pages,
            hosts,
            host_keys,
            sqlite_host_views,
            projects,
            project_keys,
            pushed_groups,
            sqlite_rule_groups,
            saved_reports,
            schema_notes,
            second_factors,
            preferences,
            queries,
            external_identities,
            added_receivers,
            segments,
            shares,
        )
        self._database.open([subject.MIGRATIONS for subject in subjects])

    @property
    def damaged_rows(self) -> int:
        """The number of damaged rows that reads have skipped since the start."""
        return len(self._database.damage)

    def close(self) -> None:
        """Finish the queued writes and close the file; blocks."""
        self._database.close()
