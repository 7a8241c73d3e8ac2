"""What each agent is given to send events: files that parse, and a shell that reads them."""

import json
import os
import subprocess
import tomllib

import pytest

from web.sessions.agent_settings import AgentSettings, agent_settings

URL, KEY = "https://watch.example/a b", "k-'1"
BY_AGENT = {one.agent: one for one in agent_settings(URL, KEY)}


def variables(settings: AgentSettings) -> dict[str, str]:
    """Return what a shell exports."""
    script = "\n".join(one.text for one in settings.texts if one.place.startswith("the shell"))
    found = subprocess.run(
        ["/bin/sh", "-c", f"{script}\nenv -0"], capture_output=True, text=True, check=True
    )
    pairs = (one.partition("=") for one in found.stdout.split("\0") if one)
    return {name: value for name, _, value in pairs if os.environ.get(name) != value}


def file_of(agent: str, place: str) -> str:
    return next(one.text for one in BY_AGENT[agent].texts if one.place == place)


@pytest.mark.parametrize("agent", ["Claude Code", "GitHub Copilot"])
def test_shell_sets_the_variables_of_the_sdk(agent: str) -> None:
    found = variables(BY_AGENT[agent])
    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"] == URL
    assert found["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"
    assert found["OTEL_EXPORTER_OTLP_HEADERS"] == f"x-api-key={KEY}"


def test_claude_code_exports_events_and_metrics() -> None:
    found = variables(BY_AGENT["Claude Code"])
    assert found["CLAUDE_CODE_ENABLE_TELEMETRY"] == "1"
    assert found["OTEL_LOGS_EXPORTER"] == found["OTEL_METRICS_EXPORTER"] == "otlp"


def test_codex_reads_a_path_for_each_signal() -> None:
    otel = tomllib.loads(file_of("Codex", "~/.codex/config.toml"))["otel"]
    assert otel["log_user_prompt"] is False
    for name, signal in (("exporter", "logs"), ("metrics_exporter", "metrics")):
        assert otel[name]["otlp-http"] == {
            "endpoint": f"{URL}/v1/{signal}",
            "protocol": "binary",
            "headers": {"x-api-key": KEY},
        }


def test_gemini_sends_by_http_without_prompts() -> None:
    telemetry = json.loads(file_of("Gemini CLI", "~/.gemini/settings.json"))["telemetry"]
    assert (telemetry["otlpEndpoint"], telemetry["otlpProtocol"]) == (URL, "http")
    assert telemetry["logPrompts"] is False
    assert variables(BY_AGENT["Gemini CLI"])["OTEL_EXPORTER_OTLP_HEADERS"] == f"x-api-key={KEY}"


def test_opencode_loads_the_plugin_and_sends_by_http() -> None:
    content = json.loads(file_of("opencode", "~/.config/opencode/opencode.json"))
    assert content == {"plugin": ["@devtheops/opencode-plugin-otel"]}
    found = variables(BY_AGENT["opencode"])
    assert found["OPENCODE_OTLP_ENDPOINT"] == URL
    assert found["OPENCODE_OTLP_HEADERS"] == f"x-api-key={KEY}"
