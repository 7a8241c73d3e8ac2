"""The parts that administrators and editors manage from the UI."""

from dataclasses import dataclass

from daemon.server.management.backup_keeper import BackupKeeper
from daemon.server.management.stored_receivers import StoredReceivers
from daemon.server.management.stored_rules import StoredRules


@dataclass(frozen=True, slots=True)
class Management:
    """Receivers and rule groups that were made in the UI, and backups."""

    receivers: StoredReceivers
    rules: StoredRules
    backups: BackupKeeper
