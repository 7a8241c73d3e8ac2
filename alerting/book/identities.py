"""Rule identities: each stored alert names its rule by one, across restarts."""

from alerting.check_settings import CheckName, SelfCheckName
from model.labels import Labels


def check_identity(check: CheckName) -> str:
    """Return the identity of a host check's rule."""
    return f"host/{check.value}"


def self_check_identity(check: SelfCheckName) -> str:
    """Return the identity of the rule of a check of the server itself."""
    return f"server/{check.value}"


def rule_identity(group: str, alert_name: str) -> str:
    """Return the identity of an alerting rule in a rule file."""
    return f"{group}/{alert_name}"


def stored_rule_identity(group: str, alert_name: str, labels: Labels) -> str:
    """Return the identity of an alerting rule in a group that people made."""
    return f"stored/{group}/{alert_name}{labels or ''}"


CHECK_IDENTITIES = frozenset(map(check_identity, CheckName))
SERVER_IDENTITY = "server/degraded"
PROBE_IDENTITY = "probes/failed"
SELF_CHECK_IDENTITIES = frozenset(map(self_check_identity, SelfCheckName))
BUILT_IN_IDENTITIES = CHECK_IDENTITIES | SELF_CHECK_IDENTITIES | {SERVER_IDENTITY, PROBE_IDENTITY}
