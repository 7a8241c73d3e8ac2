"""Fuzz targets: configuration, rule and target files, and the templates in rules."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from alerting.errors import RuleFileError, TemplateError
from alerting.rules.files import parse_rule_file
from alerting.rules.templates import TemplateData, parse_template
from alerting.templates.budget import ON_LOOP
from alerting.templates.expansion import Expansion, QueryNeededError
from alerting.templates.values.values import LimitExceededError
from daemon.configuration.settings import settings_of
from model.documents import DocumentError, parse_document
from model.labels import Labels
from promql.syntax.parser import parse
from scraper.configuration.prometheus_config import load_prometheus_config
from scraper.discovery.groups import DiscoveryError, parse_groups
from tests.fuzz.targets.target import FuzzTarget, text_of


def _rule_file(data: bytes) -> None:
    try:
        parse_rule_file(text_of(data), Path("rules.yml"), parse)
    except RuleFileError as exc:
        if not exc.problems:
            raise AssertionError("refused without a reason") from exc


def _redshank_yml(data: bytes) -> None:
    try:
        settings_of(parse_document(text_of(data), "redshank.yml"))
    except DocumentError as exc:
        if not exc.problems:
            raise AssertionError("refused without a reason") from exc


def _prometheus_yml() -> Callable[[bytes], None]:
    directory = TemporaryDirectory(prefix="redshank-fuzz-")
    path = Path(directory.name) / "prometheus.yml"

    def run(data: bytes, _kept: TemporaryDirectory[str] = directory) -> None:
        # Other files are read where they are: a fuzzer must not choose them.
        if b"_file" in data:
            return
        path.write_bytes(data)
        try:
            load_prometheus_config(path)
        except DocumentError as exc:
            if not exc.problems:
                raise AssertionError("refused without a reason") from exc

    return run


def _file_sd(data: bytes) -> None:
    for is_json in (False, True):
        try:
            for group in parse_groups(text_of(data), "targets", is_json=is_json):
                group.group(__meta_filepath="targets")
        except DiscoveryError:
            pass


def _templates(data: bytes) -> None:
    with suppress(TemplateError, LimitExceededError, QueryNeededError):
        template = parse_template(text_of(data))
        labels = Labels.of(instance="a:9100", job="node")
        template.expand(TemplateData(labels, 1.5), Expansion(ON_LOOP.start()))


_YAML_WORDS = (
    "- ",
    ": ",
    "&a",
    "*a",
    "<<: ",
    "!!binary ",
    "!!",
    "|\n ",
    ">\n ",
    "~",
    "{",
    "[",
    "---\n",
)

TARGETS = (
    FuzzTarget(
        "rule_file",
        _rule_file,
        (
            *("groups:\n", "name: ", "rules:\n", "alert: ", "record: ", "expr: ", "for: 5m"),
            *(
                "labels:",
                "annotations:",
                "interval: ",
                "limit: ",
                "keep_firing_for: ",
                *_YAML_WORDS,
            ),
        ),
    ),
    FuzzTarget(
        "redshank_yml",
        _redshank_yml,
        (
            *("server:", "listen: ", "web:", "scrape:", "alerting:", "storage:", "query:", "log:"),
            *("receivers:", "rule_files:", "checks:", "jobs:", "targets:", *_YAML_WORDS),
        ),
    ),
    FuzzTarget(
        "prometheus_yml",
        _prometheus_yml(),
        (
            *("global:\n", "scrape_configs:\n", "job_name: ", "static_configs:", "targets: ["),
            *("relabel_configs:", "source_labels: [", "regex: ", "action: ", "replacement: "),
            *("kubernetes_sd_configs:", "ec2_sd_configs:", "dns_sd_configs:", "scrape_interval: "),
            *("basic_auth:", "tls_config:", "oauth2:", "authorization:", "params:", *_YAML_WORDS),
        ),
    ),
    FuzzTarget(
        "file_sd", _file_sd, ('"targets": [', '"labels": {', "targets:", "labels:", *_YAML_WORDS)
    ),
    FuzzTarget(
        "templates",
        _templates,
        (
            *(
                "{{ ",
                " }}",
                "{{- ",
                " -}}",
                "{{/*",
                "*/}}",
                "$labels.",
                "$value",
                "printf ",
                "%.2f",
            ),
            *("if ", "else", "end", "with ", "range ", "define ", "template ", "query ", "first"),
            *("humanize", "reReplaceAll ", "| ", "index ", "eq ", "and ", ":= ", "`", '"'),
            *("break", "continue", "block ", "len ", "slice ", "args ", "%*d", "%[2]v", "1e9 "),
        ),
        1024,
    ),
)
