"""Receivers that open incidents, send messages or call programs.

Source: Alertmanager documentation, "Configuration", receiver integrations.
"""

from collections import Counter
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from alerting.errors import TemplateError
from alerting.routing.files.http_config import TlsSection
from alerting.routing.files.receiver_base import HttpIntegrationSection, IntegrationSection
from alerting.routing.files.values import (
    FileSection,
    GoDurationMs,
    HostPort,
    SecretText,
    TemplateUrl,
    TimeoutMs,
    Url,
)
from alerting.templates.functions.alertmanager import ALERTMANAGER_FUNCTIONS
from alerting.templates.language.parser import TemplateParser
from model.quantities import DurationMs, TextMap, YamlBool, YamlInt

_RESPONDER_TYPES = ("team", "teams", "user", "escalation", "schedule")
_VICTOROPS_FIELDS = (
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
)


class WebhookSection(HttpIntegrationSection):
    """`webhook_configs`."""

    kind: ClassVar[str] = "webhook"
    url: TemplateUrl | None = None
    url_file: str = ""
    max_alerts: YamlInt = Field(default=0, ge=0)
    timeout: TimeoutMs = 0
    payload: Any = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.require_one("url", "url_file")
        return self


class ThreadingSection(FileSection):
    """`threading` of an e-mail."""

    enabled: YamlBool = False
    thread_by_date: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.enabled and self.thread_by_date not in ("none", "daily"):
            raise ValueError("thread_by_date must be none or daily")
        return self


class EmailSection(IntegrationSection):
    """`email_configs`."""

    kind: ClassVar[str] = "email"
    send_resolved: YamlBool = False
    to: str = Field(min_length=1)
    from_address: str = Field(default="", alias="from")
    hello: str = ""
    smarthost: HostPort = ""
    auth_username: str = ""
    auth_password: SecretText = ""
    auth_password_file: str = ""
    auth_secret: SecretText = ""
    auth_secret_file: str = ""
    auth_identity: str = ""
    headers: TextMap = Field(default_factory=dict)
    html: str = '{{ template "email.default.html" . }}'
    text: str = ""
    require_tls: YamlBool | None = None
    force_implicit_tls: YamlBool | None = None
    tls_config: TlsSection | None = None
    threading: ThreadingSection = ThreadingSection()

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = Counter(name.lower() for name in self.headers)
        for name, count in names.items():
            if count > 1:
                raise ValueError(f'headers: "{name}" stands twice')
        return self


class PagerdutyImageSection(FileSection):
    """One of `images`."""

    src: str = ""
    alt: str = ""
    href: str = ""


class PagerdutyLinkSection(FileSection):
    """One of `links`."""

    href: str = ""
    text: str = ""


class PagerdutySection(HttpIntegrationSection):
    """`pagerduty_configs`."""

    kind: ClassVar[str] = "pagerduty"
    service_key: SecretText = ""
    service_key_file: str = ""
    routing_key: SecretText = ""
    routing_key_file: str = ""
    url: Url | None = None
    client: str = '{{ template "pagerduty.default.client" . }}'
    client_url: str = '{{ template "pagerduty.default.clientURL" . }}'
    description: str = '{{ template "pagerduty.default.description" .}}'
    details: dict[str, Any] = Field(default_factory=dict)
    images: tuple[PagerdutyImageSection, ...] = ()
    links: tuple[PagerdutyLinkSection, ...] = ()
    source: str = ""
    severity: str = ""
    class_name: str = Field(default="", alias="class")
    component: str = ""
    group: str = ""
    timeout: TimeoutMs = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        keys = ("routing_key", "routing_key_file", "service_key", "service_key_file")
        if not any(getattr(self, key) for key in keys):
            raise ValueError("give routing_key or service_key")
        self.refuse_both("routing_key", "routing_key_file")
        self.refuse_both("service_key", "service_key_file")
        return self


class ResponderSection(FileSection):
    """One of `responders`."""

    id: str = ""
    name: str = ""
    username: str = ""
    type: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.id or self.name or self.username):
            raise ValueError("a responder needs id, name or username")
        if "{{" in self.type:
            try:
                TemplateParser("", self.type, ALERTMANAGER_FUNCTIONS).parse()
            except TemplateError as exc:
                raise ValueError(f"type is not a valid template: {exc}") from exc
        elif self.type.lower() not in _RESPONDER_TYPES:
            raise ValueError(f"type must be one of {', '.join(_RESPONDER_TYPES)}")
        return self


class OpsgenieSection(HttpIntegrationSection):
    """`opsgenie_configs`."""

    kind: ClassVar[str] = "opsgenie"
    api_key: SecretText = ""
    api_key_file: str = ""
    api_url: Url | None = None
    message: str = '{{ template "opsgenie.default.message" . }}'
    description: str = '{{ template "opsgenie.default.description" . }}'
    source: str = '{{ template "opsgenie.default.source" . }}'
    details: TextMap = Field(default_factory=dict)
    entity: str = ""
    responders: tuple[ResponderSection, ...] = ()
    actions: str = ""
    tags: str = ""
    note: str = ""
    priority: str = ""
    update_alerts: YamlBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.refuse_both("api_key", "api_key_file")
        return self


class VictoropsSection(HttpIntegrationSection):
    """`victorops_configs`."""

    kind: ClassVar[str] = "victorops"
    api_key: SecretText = ""
    api_key_file: str = ""
    api_url: Url | None = None
    routing_key: str = Field(min_length=1)
    message_type: str = "CRITICAL"
    state_message: str = '{{ template "victorops.default.state_message" . }}'
    entity_display_name: str = '{{ template "victorops.default.entity_display_name" . }}'
    monitoring_tool: str = '{{ template "victorops.default.monitoring_tool" . }}'
    custom_fields: TextMap = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.refuse_both("api_key", "api_key_file")
        for name in _VICTOROPS_FIELDS:
            if name in self.custom_fields:
                raise ValueError(f"custom_fields: {name} is set by the receiver itself")
        return self


class PushoverSection(HttpIntegrationSection):
    """`pushover_configs`."""

    kind: ClassVar[str] = "pushover"
    user_key: SecretText = ""
    user_key_file: str = ""
    token: SecretText = ""
    token_file: str = ""
    title: str = '{{ template "pushover.default.title" . }}'
    message: str = '{{ template "pushover.default.message" . }}'
    url: str = '{{ template "pushover.default.url" . }}'
    url_title: str = ""
    device: str = ""
    sound: str = ""
    priority: str = '{{ if eq .Status "firing" }}2{{ else }}0{{ end }}'
    retry: GoDurationMs = 60_000
    expire: GoDurationMs = 3_600_000
    ttl: GoDurationMs = 0
    html: YamlBool = False
    monospace: YamlBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.require_one("user_key", "user_key_file")
        self.require_one("token", "token_file")
        self.refuse_both("html", "monospace")
        return self


class Sigv4Section(FileSection):
    """`sigv4` of SNS."""

    region: str = ""
    access_key: str = ""
    secret_key: SecretText = ""
    profile: str = ""
    role_arn: str = ""
    external_id: str = ""
    service_name: str = ""
    use_fips_sts_endpoint: YamlBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.access_key) != bool(self.secret_key):
            raise ValueError("give both access_key and secret_key")
        return self


class SnsSection(HttpIntegrationSection):
    """`sns_configs`."""

    kind: ClassVar[str] = "sns"
    api_url: str = ""
    sigv4: Sigv4Section = Sigv4Section()
    topic_arn: str = ""
    phone_number: str = ""
    target_arn: str = ""
    subject: str = '{{ template "sns.default.subject" . }}'
    message: str = '{{ template "sns.default.message" . }}'
    attributes: TextMap = Field(default_factory=dict)
    use_aws_http_client: YamlBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        # Alertmanager accepts one or three of them.
        if bool(self.target_arn) ^ bool(self.topic_arn) ^ bool(self.phone_number):
            return self
        raise ValueError("give target_arn, topic_arn or phone_number")


class JiraTextSection(FileSection):
    """`summary` or `description`."""

    template: str = ""
    enable_update: YamlBool = True


class JiraSection(HttpIntegrationSection):
    """`jira_configs`."""

    kind: ClassVar[str] = "jira"
    api_url: Url | None = None
    api_type: str = "auto"
    project: str = Field(min_length=1)
    summary: JiraTextSection | str = '{{ template "jira.default.summary" . }}'
    description: JiraTextSection | str = '{{ template "jira.default.description" . }}'
    labels: tuple[str, ...] = ()
    priority: str = '{{ template "jira.default.priority" . }}'
    issue_type: str = Field(min_length=1)
    reopen_transition: str = ""
    resolve_transition: str = ""
    wont_fix_resolution: str = ""
    reopen_duration: DurationMs = 0
    fields: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.api_type not in ("auto", "cloud", "datacenter"):
            raise ValueError("api_type must be auto, cloud or datacenter")
        return self


class IncidentioSection(HttpIntegrationSection):
    """`incidentio_configs`."""

    kind: ClassVar[str] = "incidentio"
    url: Url | None = None
    url_file: str = ""
    alert_source_token: SecretText = ""
    alert_source_token_file: str = ""
    max_alerts: YamlInt = Field(default=0, ge=0)
    timeout: TimeoutMs = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.require_one("url", "url_file")
        self.refuse_both("alert_source_token", "alert_source_token_file")
        has_token = self.alert_source_token or self.alert_source_token_file
        if has_token and self.http_config is not None and self.http_config.authorization:
            raise ValueError("alert_source_token excludes http_config.authorization")
        return self


INCIDENT_SECTIONS: tuple[type[IntegrationSection], ...] = (
    EmailSection,
    IncidentioSection,
    JiraSection,
    OpsgenieSection,
    PagerdutySection,
    PushoverSection,
    SnsSection,
    VictoropsSection,
    WebhookSection,
)
