"""Every subject of `records.db`, opened and closed together."""

from pathlib import Path

from storage.records import accounts, alerts, host_keys, hosts
from storage.records.accounts import SqliteAccounts
from storage.records.alerts import SqliteAlerts
from storage.records.database import RecordsDatabase
from storage.records.host_keys import SqliteHostKeys
from storage.records.hosts import SqliteHosts


class Records:
    """The records, one attribute a subject."""

    def __init__(self, path: Path) -> None:
        self._database = RecordsDatabase(path)
        self.accounts = SqliteAccounts(self._database)
        self.alerts = SqliteAlerts(self._database)
        self.hosts = SqliteHosts(self._database)
        self.host_keys = SqliteHostKeys(self._database)

    def open(self) -> None:
        """Open the file and bring its schema up to date; blocks.

        Raises:
            StorageError: the file cannot be opened or migrated.
        """
        self._database.open(
            [accounts.MIGRATIONS, alerts.MIGRATIONS, hosts.MIGRATIONS, host_keys.MIGRATIONS]
        )

    def close(self) -> None:
        """Finish queued writes and close the file; blocks."""
        self._database.close()
