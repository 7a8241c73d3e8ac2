"""The keys that an integration inherits from `global`, and those that it then requires."""

from collections.abc import Callable, Iterable
from typing import Any

from alerting.routing.files.receiver_base import HttpIntegrationSection, IntegrationSection
from alerting.routing.files.sections import GlobalSection

_Rule = Callable[[Any, GlobalSection], dict[str, Any]]


def _pair(own: Any, name: str, shared: GlobalSection, global_name: str) -> dict[str, Any]:
    """Return a secret and its `…_file`: the section's own, else those of `global`."""
    if getattr(own, name) or getattr(own, f"{name}_file"):
        return {}
    return {
        name: getattr(shared, global_name),
        f"{name}_file": getattr(shared, f"{global_name}_file"),
    }


def _url(
    own: Any, shared: GlobalSection, global_name: str, name: str = "api_url"
) -> dict[str, Any]:
    return {} if getattr(own, name) else {name: getattr(shared, global_name)}


def _need(values: dict[str, Any], own: Any, reason: str, *names: str) -> None:
    if not any(values.get(name) or getattr(own, name) for name in names):
        raise ValueError(reason)


def _email(own: Any, shared: GlobalSection) -> dict[str, Any]:
    values: dict[str, Any] = {
        "smarthost": own.smarthost or shared.smtp_smarthost,
        "from_address": own.from_address or shared.smtp_from,
        "hello": own.hello or shared.smtp_hello,
        "auth_username": own.auth_username or shared.smtp_auth_username,
        "auth_identity": own.auth_identity or shared.smtp_auth_identity,
        "tls_config": own.tls_config or shared.smtp_tls_config,
    }
    if own.require_tls is None:
        values["require_tls"] = shared.smtp_require_tls
    if own.force_implicit_tls is None:
        values["force_implicit_tls"] = shared.smtp_force_implicit_tls
    if not values["smarthost"]:
        raise ValueError("give smarthost, or smtp_smarthost under global")
    if not values["from_address"]:
        raise ValueError("give from, or smtp_from under global")
    return (
        values
        | _pair(own, "auth_password", shared, "smtp_auth_password")
        | _pair(own, "auth_secret", shared, "smtp_auth_secret")
    )


def _slack(own: Any, shared: GlobalSection) -> dict[str, Any]:
    values: dict[str, Any] = {"app_url": own.app_url or shared.slack_app_url}
    keys = ("api_url", "api_url_file", "app_token", "app_token_file")
    if not any(getattr(own, key) for key in keys):
        values |= _pair(own, "api_url", shared, "slack_api_url")
        values |= _pair(own, "app_token", shared, "slack_app_token")
        reason = "give api_url or app_token, or slack_api_url or slack_app_token under global"
        _need(values, own, reason, *keys)
    return values


def _opsgenie(own: Any, shared: GlobalSection) -> dict[str, Any]:
    values = _url(own, shared, "opsgenie_api_url") | _pair(
        own, "api_key", shared, "opsgenie_api_key"
    )
    _need(values, own, "give api_key, or opsgenie_api_key under global", "api_key", "api_key_file")
    return values


def _victorops(own: Any, shared: GlobalSection) -> dict[str, Any]:
    values = _url(own, shared, "victorops_api_url") | _pair(
        own, "api_key", shared, "victorops_api_key"
    )
    _need(values, own, "give api_key, or victorops_api_key under global", "api_key", "api_key_file")
    return values


def _telegram(own: Any, shared: GlobalSection) -> dict[str, Any]:
    values = _url(own, shared, "telegram_api_url") | _pair(
        own, "bot_token", shared, "telegram_bot_token"
    )
    reason = "give bot_token, or telegram_bot_token under global"
    _need(values, own, reason, "bot_token", "bot_token_file")
    return values


def _wechat(own: Any, shared: GlobalSection) -> dict[str, Any]:
    values = _url(own, shared, "wechat_api_url") | _pair(
        own, "api_secret", shared, "wechat_api_secret"
    )
    values["corp_id"] = own.corp_id or shared.wechat_api_corp_id
    reason = "give api_secret, or wechat_api_secret under global"
    _need(values, own, reason, "api_secret", "api_secret_file")
    _need(values, own, "give corp_id, or wechat_api_corp_id under global", "corp_id")
    return values


def _rocketchat(own: Any, shared: GlobalSection) -> dict[str, Any]:
    values = (
        _url(own, shared, "rocketchat_api_url")
        | _pair(own, "token_id", shared, "rocketchat_token_id")
        | _pair(own, "token", shared, "rocketchat_token")
    )
    for name in ("token_id", "token"):
        reason = f"give {name}, or rocketchat_{name} under global"
        _need(values, own, reason, name, f"{name}_file")
    return values


def _mattermost(own: Any, shared: GlobalSection) -> dict[str, Any]:
    values = _pair(own, "webhook_url", shared, "mattermost_webhook_url")
    reason = "give webhook_url, or mattermost_webhook_url under global"
    _need(values, own, reason, "webhook_url", "webhook_url_file")
    return values


def _jira(own: Any, shared: GlobalSection) -> dict[str, Any]:
    values = _url(own, shared, "jira_api_url")
    _need(values, own, "give api_url, or jira_api_url under global", "api_url")
    return values


_RULES: dict[str, _Rule] = {
    "email": _email,
    "jira": _jira,
    "mattermost": _mattermost,
    "opsgenie": _opsgenie,
    "pagerduty": lambda own, shared: _url(own, shared, "pagerduty_url", "url"),
    "rocketchat": _rocketchat,
    "slack": _slack,
    "telegram": _telegram,
    "victorops": _victorops,
    "webex": lambda own, shared: _url(own, shared, "webex_api_url"),
    "wechat": _wechat,
}


def completed(own: IntegrationSection, shared: GlobalSection) -> IntegrationSection:
    """Return an integration with what it inherits from `global`.

    Raises:
        ValueError: a value is given neither here nor under `global`.
    """
    rule = _RULES.get(own.kind)
    values = rule(own, shared) if rule else {}
    if isinstance(own, HttpIntegrationSection) and own.http_config is None:
        values["http_config"] = shared.http_config
    return own.model_copy(update=values)


def integrations(receiver: Any, kinds: Iterable[str]) -> list[tuple[str, int, IntegrationSection]]:
    """Return the integrations of a receiver as (kind, index, section), in Alertmanager's order."""
    return [
        (kind, index, section)
        for kind in kinds
        for index, section in enumerate(getattr(receiver, f"{kind}_configs"))
    ]
