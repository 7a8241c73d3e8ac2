"""The parts that administrators manage from the UI."""

from dataclasses import dataclass

from daemon.server.management.backup_keeper import BackupKeeper
from daemon.server.management.stored_receivers import StoredReceivers


@dataclass(frozen=True, slots=True)
class Management:
    """Receivers that were added in the UI, and backups."""

    receivers: StoredReceivers
    backups: BackupKeeper
