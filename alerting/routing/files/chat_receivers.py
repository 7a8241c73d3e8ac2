"""Receivers that people read in a chat: Slack, Discord, Teams, Telegram and others.

Source: Alertmanager documentation, "Configuration", receiver integrations.
"""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from alerting.routing.files.receiver_base import HttpIntegrationSection
from alerting.routing.files.values import FileSection, SecretText, SecretUrl, TimeoutMs, Url
from model.quantities import TextMap, YamlBool, YamlInt

_SLACK_POST = "https://slack.com/api/chat.postMessage"


class SlackConfirmSection(FileSection):
    """`confirm` of an action."""

    text: str = Field(min_length=1)
    title: str = ""
    ok_text: str = ""
    dismiss_text: str = ""


class SlackActionSection(FileSection):
    """One of `actions`."""

    type: str = Field(min_length=1)
    text: str = Field(min_length=1)
    url: str = ""
    style: str = ""
    name: str = ""
    value: str = ""
    confirm: SlackConfirmSection | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.url and not self.name:
            raise ValueError("an action needs name or url")
        return self


class ChatFieldSection(FileSection):
    """One of `fields`."""

    title: str = Field(min_length=1)
    value: str = Field(min_length=1)
    short: YamlBool | None = None


class SlackSection(HttpIntegrationSection):
    """`slack_configs`."""

    kind: ClassVar[str] = "slack"
    send_resolved: YamlBool = False
    api_url: SecretUrl | None = None
    api_url_file: str = ""
    app_token: SecretText = ""
    app_token_file: str = ""
    app_url: Url | None = None
    channel: str = ""
    username: str = '{{ template "slack.default.username" . }}'
    color: str = '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'
    title: str = '{{ template "slack.default.title" . }}'
    title_link: str = '{{ template "slack.default.titlelink" . }}'
    pretext: str = '{{ template "slack.default.pretext" . }}'
    text: str = '{{ template "slack.default.text" . }}'
    message_text: str = ""
    fields: tuple[ChatFieldSection, ...] = ()
    short_fields: YamlBool = False
    footer: str = '{{ template "slack.default.footer" . }}'
    fallback: str = '{{ template "slack.default.fallback" . }}'
    callback_id: str = '{{ template "slack.default.callbackid" . }}'
    icon_emoji: str = '{{ template "slack.default.iconemoji" . }}'
    icon_url: str = '{{ template "slack.default.iconurl" . }}'
    image_url: str = ""
    thumb_url: str = ""
    link_names: YamlBool = False
    mrkdwn_in: tuple[str, ...] = ()
    actions: tuple[SlackActionSection, ...] = ()
    timeout: TimeoutMs = 0
    update_message: YamlBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.refuse_both("api_url", "api_url_file")
        self.refuse_both("app_token", "app_token_file")
        has_url = bool(self.api_url or self.api_url_file)
        if has_url and (self.app_token or self.app_token_file):
            raise ValueError("give at most one of api_url and app_token")
        if self.update_message and has_url and self.api_url != _SLACK_POST:
            raise ValueError(f"update_message needs app_token, or api_url: {_SLACK_POST}")
        return self


class DiscordSection(HttpIntegrationSection):
    """`discord_configs`."""

    kind: ClassVar[str] = "discord"
    webhook_url: SecretUrl | None = None
    webhook_url_file: str = ""
    content: str = ""
    title: str = '{{ template "discord.default.title" . }}'
    message: str = '{{ template "discord.default.message" . }}'
    username: str = ""
    avatar_url: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.require_one("webhook_url", "webhook_url_file")
        return self


class MsTeamsSection(HttpIntegrationSection):
    """`msteams_configs`."""

    kind: ClassVar[str] = "msteams"
    webhook_url: SecretUrl | None = None
    webhook_url_file: str = ""
    title: str = '{{ template "msteams.default.title" . }}'
    summary: str = '{{ template "msteams.default.summary" . }}'
    text: str = '{{ template "msteams.default.text" . }}'

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.require_one("webhook_url", "webhook_url_file")
        return self


class MsTeamsV2Section(HttpIntegrationSection):
    """`msteamsv2_configs`."""

    kind: ClassVar[str] = "msteamsv2"
    webhook_url: SecretUrl | None = None
    webhook_url_file: str = ""
    title: str = '{{ template "msteamsv2.default.title" . }}'
    text: str = '{{ template "msteamsv2.default.text" . }}'

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.require_one("webhook_url", "webhook_url_file")
        return self


class TelegramSection(HttpIntegrationSection):
    """`telegram_configs`."""

    kind: ClassVar[str] = "telegram"
    api_url: Url | None = None
    bot_token: SecretText = ""
    bot_token_file: str = ""
    chat_id: YamlInt = 0
    chat_id_file: str = ""
    message_thread_id: YamlInt = 0
    message: str = '{{ template "telegram.default.message" . }}'
    disable_notifications: YamlBool = False
    parse_mode: str = "HTML"

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.refuse_both("bot_token", "bot_token_file")
        self.require_one("chat_id", "chat_id_file")
        if self.parse_mode not in ("", "Markdown", "MarkdownV2", "HTML"):
            raise ValueError("parse_mode must be Markdown, MarkdownV2, HTML or empty")
        return self


class WebexSection(HttpIntegrationSection):
    """`webex_configs`."""

    kind: ClassVar[str] = "webex"
    api_url: Url | None = None
    message: str = '{{ template "webex.default.message" . }}'
    room_id: str = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.http_config is None or self.http_config.authorization is None:
            raise ValueError("webex needs http_config.authorization")
        return self


class RocketchatFieldSection(FileSection):
    """One of `fields`."""

    title: str = ""
    value: str = ""
    short: YamlBool | None = None


class RocketchatActionSection(FileSection):
    """One of `actions`."""

    type: str = ""
    text: str = ""
    url: str = ""


class RocketchatSection(HttpIntegrationSection):
    """`rocketchat_configs`."""

    kind: ClassVar[str] = "rocketchat"
    send_resolved: YamlBool = False
    api_url: Url | None = None
    token_id: SecretText = ""
    token_id_file: str = ""
    token: SecretText = ""
    token_file: str = ""
    channel: str = ""
    color: str = '{{ if eq .Status "firing" }}red{{ else }}green{{ end }}'
    title: str = '{{ template "rocketchat.default.title" . }}'
    title_link: str = '{{ template "rocketchat.default.titlelink" . }}'
    text: str = '{{ template "rocketchat.default.text" . }}'
    fields: tuple[RocketchatFieldSection, ...] = ()
    short_fields: YamlBool = False
    emoji: str = '{{ template "rocketchat.default.emoji" . }}'
    icon_url: str = '{{ template "rocketchat.default.iconurl" . }}'
    image_url: str = ""
    thumb_url: str = ""
    link_names: YamlBool = False
    actions: tuple[RocketchatActionSection, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.refuse_both("token", "token_file")
        self.refuse_both("token_id", "token_id_file")
        return self


class MattermostAttachmentSection(FileSection):
    """One of `attachments`."""

    fallback: str = ""
    color: str = ""
    pretext: str = ""
    text: str = ""
    author_name: str = ""
    author_link: str = ""
    author_icon: str = ""
    title: str = ""
    title_link: str = ""
    fields: tuple[ChatFieldSection, ...] = ()
    thumb_url: str = ""
    footer: str = ""
    footer_icon: str = ""
    image_url: str = ""


class MattermostPrioritySection(FileSection):
    """`priority`."""

    priority: str = ""
    requested_ack: YamlBool = False
    persistent_notifications: YamlBool = False


class MattermostSection(HttpIntegrationSection):
    """`mattermost_configs`."""

    kind: ClassVar[str] = "mattermost"
    webhook_url: SecretUrl | None = None
    webhook_url_file: str = ""
    channel: str = ""
    username: str = '{{ template "mattermost.default.username" . }}'
    text: str = '{{ template "mattermost.default.text" . }}'
    fallback: str = '{{ template "mattermost.default.fallback" . }}'
    color: str = '{{ template "mattermost.default.color" . }}'
    pretext: str = ""
    author_name: str = ""
    author_link: str = ""
    author_icon: str = ""
    title: str = '{{ template "mattermost.default.title" . }}'
    title_link: str = '{{ template "mattermost.default.titlelink" . }}'
    fields: tuple[ChatFieldSection, ...] = ()
    thumb_url: str = ""
    footer: str = ""
    footer_icon: str = ""
    image_url: str = ""
    icon_url: str = ""
    icon_emoji: str = ""
    attachments: tuple[MattermostAttachmentSection, ...] = ()
    type: str = ""
    props: TextMap | None = None
    priority: MattermostPrioritySection | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.refuse_both("webhook_url", "webhook_url_file")
        unknown = set(self.props or {}) - {"card"}
        if unknown:
            raise ValueError(f"props: unknown key {min(unknown)}")
        return self


class WechatSection(HttpIntegrationSection):
    """`wechat_configs`."""

    kind: ClassVar[str] = "wechat"
    send_resolved: YamlBool = False
    api_secret: SecretText = ""
    api_secret_file: str = ""
    corp_id: str = ""
    message: str = '{{ template "wechat.default.message" . }}'
    api_url: Url | None = None
    to_user: str = '{{ template "wechat.default.to_user" . }}'
    to_party: str = '{{ template "wechat.default.to_party" . }}'
    to_tag: str = '{{ template "wechat.default.to_tag" . }}'
    agent_id: str = '{{ template "wechat.default.agent_id" . }}'
    message_type: str = "text"

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.refuse_both("api_secret", "api_secret_file")
        if self.message_type not in ("", "text", "markdown"):
            raise ValueError("message_type must be text or markdown")
        return self


CHAT_SECTIONS: tuple[type[HttpIntegrationSection], ...] = (
    DiscordSection,
    MattermostSection,
    MsTeamsSection,
    MsTeamsV2Section,
    RocketchatSection,
    SlackSection,
    TelegramSection,
    WebexSection,
    WechatSection,
)
