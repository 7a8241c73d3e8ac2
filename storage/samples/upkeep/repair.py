"""Repair: begins a new journal when the present one is damaged."""

import structlog

from model.conditions import SAMPLES_DAMAGED, Conditions
from storage.damage import REPLACE_FILE
from storage.samples.journal.journal import Journal
from storage.samples.upkeep.sealing import Sealer

log = structlog.get_logger(__name__)


def replace_journal(journal: Journal, sealer: Sealer, conditions: Conditions) -> None:
    """Seal the vectors in memory, rename the damaged journal and begin a new one; blocks.

    Raises:
        StorageError: the disk refused the write.
    """
    sealer.rescue()
    kept_as = journal.replace()
    conditions.add(SAMPLES_DAMAGED, journal.path.name)
    log.warning("journal_replaced", file=journal.path.name, kept_as=kept_as, fix=REPLACE_FILE)
