"""Every subject of `records.db`, opened and closed together."""

from pathlib import Path

from storage.records import accounts, alerts, hosts, pushed_groups
from storage.records.accounts import SqliteAccounts
from storage.records.alerts import SqliteAlerts
from storage.records.database import RecordsDatabase
from storage.records.hosts import SqliteHosts
from storage.records.pushed_groups import SqlitePushedGroups


class Records:
    """The records, one attribute a subject."""

    def __init__(self, path: Path) -> None:
        self._database = RecordsDatabase(path)
        self.accounts = SqliteAccounts(self._database)
        self.alerts = SqliteAlerts(self._database)
        self.hosts = SqliteHosts(self._database)
        self.pushed_groups = SqlitePushedGroups(self._database)

    def open(self) -> None:
        """Open the file and bring its schema up to date; blocks.

        Raises:
            StorageError: the file cannot be opened or migrated.
        """
        subjects = (accounts, alerts, hosts, pushed_groups)
        self._database.open([subject.MIGRATIONS for subject in subjects])

    def close(self) -> None:
        """Finish queued writes and close the file; blocks."""
        self._database.close()
