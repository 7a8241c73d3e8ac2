"""The settings with which coding agents send their events here by OTLP.

Sources: Claude Code, "Monitoring"; openai/codex, `docs/config.md`, section `otel`;
google-gemini/gemini-cli, `docs/cli/telemetry.md`; microsoft/vscode-copilot-chat,
`docs/monitoring`; DEVtheOPS/opencode-plugin-otel.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_PLUGIN = "@devtheops/opencode-plugin-otel"


@dataclass(frozen=True, slots=True)
class SettingsText:
    """Settings that the user of a coding agent copies into a file or a shell.

    Attributes:
        place: the file that it belongs to, or the shell.
        text: the content.
    """

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """How one agent is set up.

    Attributes:
        agent: its name.
        texts: all that must be set.
    """

    agent: str
    texts: Sequence[SettingsText]


def agent_settings(url: str, key: str) -> Sequence[AgentSettings]:
    """Return the settings of each agent.

    Args:
        url: of this server.
        key: with the scope push. It goes into `x-api-key`: a value with a space, such as
            `Bearer …`, is read differently by the agents.
    """
    header = f"x-api-key={key}"
    gemini = (_gemini(url), _shell({"OTEL_EXPORTER_OTLP_HEADERS": header}))
    plugin = _file("~/.config/opencode/opencode.json", {"plugin": [_PLUGIN]})
    return (
        AgentSettings("Claude Code", (_claude_code(url, header),)),
        AgentSettings("Codex", (SettingsText("~/.codex/config.toml", _codex(url, key)),)),
        AgentSettings("Gemini CLI", gemini),
        AgentSettings("GitHub Copilot", (_copilot(url, header),)),
        AgentSettings("opencode", (plugin, _opencode(url, header))),
    )


def _claude_code(url: str, header: str) -> SettingsText:
    return _shell(
        {
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_HEADERS": header,
        }
    )


def _copilot(url: str, header: str) -> SettingsText:
    return _shell(
        {
            "COPILOT_OTEL_ENABLED": "true",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_HEADERS": header,
        }
    )


def _opencode(url: str, header: str) -> SettingsText:
    return _shell(
        {
            "OPENCODE_ENABLE_TELEMETRY": "1",
            "OPENCODE_OTLP_PROTOCOL": "http/protobuf",
            "OPENCODE_OTLP_ENDPOINT": url,
            "OPENCODE_OTLP_HEADERS": header,
        }
    )


def _gemini(url: str) -> SettingsText:
    telemetry = {
        "enabled": True,
        "target": "local",
        "otlpEndpoint": url,
        "otlpProtocol": "http",
        "logPrompts": False,
    }
    return _file("~/.gemini/settings.json", {"telemetry": telemetry})


def _shell(variables: dict[str, str]) -> SettingsText:
    lines = (f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    return SettingsText("the shell that starts it", "\n".join(lines))


def _file(place: str, content: object) -> SettingsText:
    return SettingsText(place, json.dumps(content, indent=2))


def _codex(url: str, key: str) -> str:
    """Return the section `otel`; a string of JSON is one of TOML."""
    tables = ["[otel]\nlog_user_prompt = false"]
    for name, signal in (("exporter", "logs"), ("metrics_exporter", "metrics")):
        tables.append(
            f'[otel.{name}."otlp-http"]\n'
            f"endpoint = {json.dumps(f'{url}/v1/{signal}')}\n"
            'protocol = "binary"\n'
            f'headers = {{ "x-api-key" = {json.dumps(key)} }}'
        )
    return "\n\n".join(tables)
