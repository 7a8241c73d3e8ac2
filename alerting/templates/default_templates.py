"""The templates that texts of receivers use if a configuration names no others.

Their names and texts are those of Alertmanager 0.33, so that a configuration gives the same
notifications. Each is written here in terms of a few that a `.tmpl` file may replace:
`__subject`, `__alertmanagerURL`, `__text_alert_list` and `__text_alert_list_markdown`.

Source: the notifications of Alertmanager 0.33.
"""

_BASE = """\
{{- define "__alertmanager" }}Alertmanager{{ end -}}
{{- define "__description" }}{{ end -}}
{{- define "__alertmanagerURL" -}}
{{ .ExternalURL }}/#/alerts?receiver={{ urlquery .Receiver }}
{{- end -}}
{{- define "__subject" -}}
[{{ toUpper .Status }}{{ if eq "firing" .Status }}:{{ len .Alerts.Firing }}{{ end }}] {{ "" -}}
{{ join " " .GroupLabels.Values }} {{ "" -}}
{{ $other := .CommonLabels.Remove .GroupLabels.Names -}}
{{ if lt (len .GroupLabels) (len .CommonLabels) }}({{ join " " $other.Values }}){{ end -}}
{{- end -}}
"""


def _alert_list(name: str, indent: str, before: str, after: str) -> str:
    """Return the definition of a list of alerts with their labels and annotations."""
    pairs = (
        f"{{{{ range .SortedPairs }}}}{indent}- {{{{ .Name }}}} = {{{{ .Value }}}}\n{{{{ end }}}}"
    )
    sections = "".join(
        f"{before}{title}:\n{{{{ with .{title} }}}}{pairs}{{{{ end }}}}"
        for title in ("Labels", "Annotations")
    )
    return _define(
        name,
        f"{{{{ range . }}}}{sections}{before}Source: {{{{ .GeneratorURL }}}}\n{{{{ end }}}}{after}",
    )


def _define(name: str, body: str) -> str:
    return f'{{{{ define "{name}" }}}}{body}{{{{ end }}}}'


def _template(name: str, argument: str = ".") -> str:
    return f'{{{{ template "{name}" {argument} }}}}'


def _section(status: str, heading: str, names: str) -> str:
    """Return the alerts with a status below a heading, nothing if there are none."""
    inner = f"{heading}Alerts {status}:\n{_template(names, f'.Alerts.{status}')}"
    return f"{{{{ if .Alerts.{status} }}}}{inner}{{{{ end }}}}"


def _airy(heading: str = "", names: str = "__text_alert_list") -> str:
    """Return firing and resolved alerts with empty lines around each section."""
    sections = [
        f"\n{{{{ if .Alerts.{status} }}}}\n{heading}Alerts {status}:\n"
        f"{_template(names, f'.Alerts.{status}')}\n{{{{ end }}}}"
        for status in ("Firing", "Resolved")
    ]
    return "".join(sections) + "\n"


_SUMMARY = '{{ join " " .CommonAnnotations.Values }}'
_DENSE = "".join(
    f"\n{_section(status, '', '__text_alert_list')}" for status in ("Firing", "Resolved")
)
_MARKDOWN = _airy("# ", "__text_alert_list_markdown")
_SUBJECT, _URL = _template("__subject"), _template("__alertmanagerURL")
_NAME = _template("__alertmanager")
_COLOR = '{{ if eq "firing" .Status }}danger{{ else }}good{{ end }}'
_RANKS = (("critical", "High"), ("warning", "Medium"), ("info", "Low"))
_HIGHEST = "".join(
    "{{ if not $found }}{{ range $alerts }}"
    f'{{{{ if eq "{severity}" .Labels.severity }}}}{{{{ $found = "{priority}" }}}}{{{{ end }}}}'
    "{{ end }}{{ end }}"
    for severity, priority in _RANKS
)
_PRIORITY = (
    '{{ $found := "" }}{{ $alerts := .Alerts.Firing }}'
    f"{_HIGHEST}"
    "{{ if not $found }}{{ $alerts = .Alerts.Resolved }}"
    f"{_HIGHEST}"
    "{{ end }}{{ $found }}"
)

_STYLES = {
    "body": "font-family: sans-serif; font-size: 14px; color: #222; margin: 0; padding: 16px",
    "heading": "font-size: 18px; margin: 0 0 12px",
    "alert": "border-left: 4px solid #c62828; margin: 0 0 12px; padding: 4px 12px",
    "ended": "border-left: 4px solid #2e7d32; margin: 0 0 12px; padding: 4px 12px",
}


def _html_pairs(field: str) -> str:
    return (
        f"{{{{ with .{field} }}}}<p><strong>{field}</strong><br>{{{{ range .SortedPairs }}}}"
        "{{ .Name }} = {{ .Value }}<br>{{ end }}</p>{{ end }}"
    )


def _html_section(status: str, style: str) -> str:
    return (
        f"{{{{ with .Alerts.{status} }}}}<p><strong>[{{{{ len . }}}}] {status}</strong></p>"
        f'{{{{ range . }}}}<div style="{_STYLES[style]}">{_html_pairs("Labels")}'
        f"{_html_pairs('Annotations')}{{{{ if .GeneratorURL }}}}"
        '<a href="{{ .GeneratorURL }}">Source</a>{{ end }}</div>{{ end }}{{ end }}'
    )


_HTML = (
    f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{_template("__subject")}</title>'
    f'</head><body style="{_STYLES["body"]}"><h1 style="{_STYLES["heading"]}">'
    f"{_template('__subject')}</h1>{_html_section('Firing', 'alert')}"
    f'{_html_section("Resolved", "ended")}<p><a href="{_template("__alertmanagerURL")}">'
    f"View in {_template('__alertmanager')}</a></p></body></html>\n"
)

_TEXTS = {
    "discord.default": {"content": "", "title": _SUBJECT, "message": _airy()},
    # The page is our own; its content is that of Alertmanager's.
    "email.default": {"subject": _SUBJECT, "html": _HTML},
    "jira.default": {"summary": _SUBJECT, "description": _MARKDOWN, "priority": _PRIORITY},
    "mattermost.default": {
        "username": _NAME,
        "color": _COLOR,
        "title": _SUBJECT,
        "titlelink": _URL,
        "fallback": f"{_SUBJECT} | {_URL}",
        "text": _MARKDOWN,
    },
    "msteams.default": {"summary": _SUBJECT, "title": _SUBJECT, "text": _MARKDOWN},
    "msteamsv2.default": {"title": _SUBJECT, "text": _MARKDOWN},
    "opsgenie.default": {
        "message": _SUBJECT,
        "description": _SUMMARY + _DENSE,
        "source": _URL,
    },
    "pagerduty.default": {
        "description": _SUBJECT,
        "client": _NAME,
        "clientURL": _URL,
        "instances": _template("__text_alert_list"),
    },
    "pushover.default": {"title": _SUBJECT, "message": _SUMMARY + _airy(), "url": _URL},
    "rocketchat.default": {
        "title": _SUBJECT,
        "alias": _NAME,
        "titlelink": _URL,
        "emoji": "",
        "iconurl": "",
        "text": "",
    },
    "slack.default": {
        "title": _SUBJECT,
        "username": _NAME,
        "fallback": f"{_template('slack.default.title')} | {_template('slack.default.titlelink')}",
        "titlelink": _URL,
        "color": _COLOR,
        **dict.fromkeys(("callbackid", "pretext", "iconemoji", "iconurl", "text", "footer"), ""),
    },
    "sns.default": {"subject": _SUBJECT, "message": _SUMMARY + _airy()},
    "telegram.default": {"message": _airy()},
    "victorops.default": {
        "state_message": _SUMMARY + _DENSE,
        "entity_display_name": _SUBJECT,
        "monitoring_tool": _NAME,
    },
    "webex.default": {"message": _SUMMARY + _airy()},
    "wechat.default": {
        "message": f"{_SUBJECT}\n{_SUMMARY}{_DENSE}\nAlertmanagerUrl:\n{_URL}",
        **dict.fromkeys(("to_user", "to_party", "to_tag", "agent_id"), ""),
    },
}

DEFAULT_TEMPLATES = "".join(
    (
        _BASE,
        _alert_list("__text_alert_list", " ", "", ""),
        _alert_list("__text_alert_list_markdown", "  ", "\n", "\n"),
        *(
            _define(f"{receiver}.{part}", body)
            for receiver, parts in _TEXTS.items()
            for part, body in parts.items()
        ),
    )
)
"""The definitions, as one text."""
