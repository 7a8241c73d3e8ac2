"""Rule identities: each stored alert names its rule by one, across restarts."""

from alerting.settings import CheckName


def check_identity(check: CheckName) -> str:
    """Return the identity of a host check's rule."""
    return f"host/{check.value}"


def rule_identity(group: str, alert_name: str) -> str:
    """Return the identity of an alerting rule in a rule file."""
    return f"{group}/{alert_name}"


CHECK_IDENTITIES = frozenset(map(check_identity, CheckName))
SERVER_IDENTITY = "server/degraded"
BUILT_IN_IDENTITIES = CHECK_IDENTITIES | {SERVER_IDENTITY}
