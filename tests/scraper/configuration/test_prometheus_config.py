import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from model.documents import DocumentError
from model.label_limits import LabelLimits
from model.labels import Labels
from scraper.configuration.prometheus_config import PrometheusConfig, load_prometheus_config
from scraper.discovery.dns_sd import DnsDiscoverer
from scraper.discovery.engine.polling import PollingDiscoverer
from scraper.discovery.file_sd import FileDiscoverer
from scraper.discovery.groups import TargetGroup
from scraper.discovery.http_sd import HttpLookup
from scraper.discovery.jobs import ScrapeJob
from scraper.fetching.http_access import Authorization, BasicAuth
from scraper.fetching.protocols import EscapingScheme, ScrapeProtocol
from scraper.fetching.targets import ScrapeLimits
from scraper.relabel import RelabelAction, RelabelRule

LEGACY = "{metric_name_validation_scheme: legacy}"


class Files:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def load(self, text: str, **others: str) -> PrometheusConfig:
        for name, content in others.items():
            (self.directory / f"{name}.yml").write_text(content)
        path = self.directory / "prometheus.yml"
        path.write_text(text)
        return load_prometheus_config(path)

    def job(self, text: str, top: str = "") -> ScrapeJob:
        """Load one job, its keys given as indented lines."""
        lines = "\n".join(f"    {line}" for line in text.strip().splitlines())
        config = self.load(f"{top}\nscrape_configs:\n  - job_name: j\n{lines}\n")
        return config.jobs[0]

    def problems(self, text: str) -> list[tuple[int, str]]:
        with pytest.raises(DocumentError) as caught:
            self.load(text)
        return list(caught.value.problems)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_defaults_equal_prometheus(files: Files) -> None:
    job = files.job("static_configs: [{targets: ['a:1']}]")
    assert (job.interval_s, job.timeout_s) == (60.0, 10.0)
    assert (job.scheme, job.metrics_path) == ("http", "/metrics")
    assert job.static == (TargetGroup(("a:1",)),)
    assert job.protocols == tuple(ScrapeProtocol)
    assert not job.legacy_names


def test_empty_file_and_empty_sections_have_no_jobs(files: Files) -> None:
    assert files.load("").jobs == ()
    assert files.load("global:\nscrape_configs:\nrule_files:\nalerting:\n").unhandled() == ()


def test_global_values_are_the_jobs_defaults(files: Files) -> None:
    top = "global: {scrape_interval: 5s, scrape_timeout: 4s, sample_limit: 7, label_limit: 9}"
    job = files.job("label_limit: 3", top)
    assert (job.interval_s, job.timeout_s) == (5.0, 4.0)
    assert (job.limits.samples, job.limits.labels.labels) == (7, 3)


def test_short_interval_shortens_the_inherited_timeout_only(files: Files) -> None:
    assert files.job("scrape_interval: 5s").timeout_s == 5.0
    (problem,) = files.problems(
        "scrape_configs:\n  - job_name: j\n    scrape_interval: 5s\n    scrape_timeout: 6s\n"
    )
    assert problem == (2, 'job "j": scrape_timeout is longer than scrape_interval')


def test_missing_limits_are_taken_from_the_server(files: Files, tmp_path: Path) -> None:
    files.load("scrape_configs: [{job_name: j, sample_limit: 5, body_size_limit: 1MB}]")
    limits = ScrapeLimits(1, 2, LabelLimits(3, 4, 5))
    (job,) = load_prometheus_config(tmp_path / "prometheus.yml", limits).jobs
    assert job.limits == ScrapeLimits(2**20, 5, LabelLimits(3, 4, 5))


def test_label_values_are_kept_as_written(files: Files) -> None:
    job = files.job("static_configs: [{targets: [a], labels: {v: 1.10, on: yes, n: 0x1F}}]")
    assert job.static[0].labels == Labels.of(v="1.10", on="yes", n="0x1F")


def test_every_supported_kind_of_discovery(files: Files, tmp_path: Path) -> None:
    job = files.job("""
file_sd_configs:
  - files: [targets/*.json, /etc/x.yml]
    refresh_interval: 1m
http_sd_configs:
  - url: http://sd.example/targets
    basic_auth: {username: u, password_file: secret}
dns_sd_configs:
  - names: [a.example]
    type: A
    port: 9100
  - names: [_node._tcp.example]
""")
    file, http, dns, srv = job.discoverers
    assert file == FileDiscoverer((f"{tmp_path}/targets/*.json", "/etc/x.yml"), 60.0)
    assert isinstance(http, PollingDiscoverer)
    assert isinstance(http.lookup, HttpLookup)
    assert isinstance(http.lookup.access.auth, BasicAuth)
    assert http.lookup.access.auth.password.file == tmp_path / "secret"
    assert dns == DnsDiscoverer(("a.example",), "A", 9100, 30.0)
    assert srv == DnsDiscoverer(("_node._tcp.example",), "SRV", 0, 30.0)


def test_scrape_options_of_a_job(files: Files) -> None:
    job = files.job("""
scheme: https
metrics_path: /x
params: {module: [m], b: [c, d]}
honor_labels: true
honor_timestamps: false
track_timestamps_staleness: true
enable_compression: false
follow_redirects: no
scrape_protocols: [PrometheusText0.0.4]
fallback_scrape_protocol: PrometheusText1.0.0
metric_name_validation_scheme: legacy
authorization: {credentials: hush}
tls_config: {insecure_skip_verify: true, min_version: TLS13}
proxy_url: http://proxy:3128
target_limit: 5
""")
    assert (job.scheme, job.metrics_path) == ("https", "/x")
    assert job.params == (("b", ("c", "d")), ("module", ("m",)))
    assert (job.honor_labels, job.honor_timestamps) == (True, False)
    assert job.track_timestamps_staleness
    assert (job.access.compression, job.access.follow_redirects) == (False, False)
    assert job.protocols == (ScrapeProtocol.TEXT_0_0_4,)
    assert job.fallback_protocol is ScrapeProtocol.TEXT_1_0_0
    assert (job.legacy_names, job.escaping) == (True, EscapingScheme.UNDERSCORES)
    assert isinstance(job.access.auth, Authorization)
    assert job.access.tls is not None
    assert job.access.tls.insecure_skip_verify
    assert job.access.tls.min_version is ssl.TLSVersion.TLSv1_3
    assert job.access.proxy.url == "http://proxy:3128"
    assert job.target_limit == 5


def test_relabelling_rules_are_parsed(files: Files) -> None:
    job = files.job("""
relabel_configs:
  - source_labels: [a, b]
    regex: true
    action: Keep
metric_relabel_configs:
  - target_label: x
    replacement: ''
""")
    assert job.relabel_rules == (RelabelRule(RelabelAction.KEEP, ("a", "b"), regex="true"),)
    assert job.metric_relabel_rules == (RelabelRule(target_label="x", replacement=""),)


def test_defaults_of_relabelling_may_be_written_out(files: Files) -> None:
    job = files.job("""
relabel_configs:
  - {action: labeldrop, regex: a, separator: ;, replacement: $1, modulus: 0}
  - {action: UPPERCASE, target_label: a, replacement: $1}
  - {action: keepequal, source_labels: [a], target_label: b, separator: ;}
""")
    drop, upper, equal = job.relabel_rules
    assert drop == RelabelRule(RelabelAction.LABEL_DROP, regex="a")
    assert upper == RelabelRule(RelabelAction.UPPERCASE, target_label="a")
    assert equal == RelabelRule(RelabelAction.KEEP_EQUAL, ("a",), target_label="b")


def test_empty_values_of_a_relabelling_rule_are_empty_text(files: Files) -> None:
    job = files.job("relabel_configs: [{target_label: a, replacement: , separator: , regex: }]")
    assert job.relabel_rules == (
        RelabelRule(target_label="a", replacement="", separator="", regex=""),
    )


def test_periods_of_zero_are_the_defaults(files: Files) -> None:
    top = "global: {scrape_interval: 0s, scrape_timeout: 0s, evaluation_interval: 0s}"
    job = files.job("scrape_interval: 0s\nscrape_timeout: 0s", top)
    assert (job.interval_s, job.timeout_s) == (60.0, 10.0)
    assert files.load(top).evaluation_interval_s == 60.0


def test_values_are_read_as_prometheus_reads_yaml(files: Files) -> None:
    job = files.job("sample_limit: 010\nlabel_limit: 1_0\nbody_size_limit: 1.5KiB\nhonor_labels: y")
    assert (job.limits.samples, job.limits.labels.labels, job.limits.body_bytes) == (8, 10, 1536)
    assert job.honor_labels
    labels = {"a": "", "b": "010"}
    assert files.load("global: {external_labels: {a: ~, b: 010}}").external_labels == Labels.of(
        labels
    )


def test_legacy_job_does_not_take_over_the_global_escaping(files: Files) -> None:
    top = "global: {metric_name_escaping_scheme: allow-utf-8}"
    job = files.job("metric_name_validation_scheme: legacy", top)
    assert job.escaping is EscapingScheme.UNDERSCORES


def test_file_names_are_relative_to_the_file_that_has_them(files: Files, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.yml").write_text(
        "scrape_configs: [{job_name: a, basic_auth: {password_file: secret}}]"
    )
    [job] = files.load("scrape_config_files: [more/*.yml]").jobs
    assert isinstance(job.access.auth, BasicAuth)
    assert job.access.auth.password.file == tmp_path / "more" / "secret"


@pytest.mark.parametrize(
    "text",
    [
        "rule_files: [a*/b.yml]",
        "scrape_config_files: ['*/a.yml']",
        "global: {scrape_timeout: 2m}",
        "global: {external_labels: {'': a}}",
        f"{{global: {LEGACY}, otlp: {{translation_strategy: NoTranslation}}}}",
    ],
)
def test_invalid_documents_are_refused(files: Files, text: str) -> None:
    assert files.problems(text)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("{action: shout}", "Input should be 'replace'"),
        ("{action: keep, regex: '('}", "error parsing regexp"),
        ("{source_labels: [a]}", "replace requires target_label"),
        ("{action: hashmod, target_label: a}", "hashmod requires a modulus"),
        ("{action: lowercase}", "lowercase requires target_label"),
        ("{action: labeldrop, source_labels: [a]}", "labeldrop takes only regex"),
        ("{action: keepequal, target_label: a, regex: b}", "keepequal takes only source_labels"),
        ("{action: labelmap, replacement: ''}", "labelmap requires a replacement"),
        ("{action: keep, regexp: a}", "unknown key"),
        ("{action: lowercase, target_label: a, replacement: b}", "lowercase takes no replacement"),
        ("{action: uppercase, target_label: a, replacement: b}", "uppercase takes no replacement"),
        ("{action: labeldrop, source_labels: []}", "labeldrop takes only regex"),
        ("{action: keepequal, target_label: a, regex: (.*)}", "keepequal takes only"),
        ("{action: , target_label: a}", "Input should be 'replace'"),
        ("{source_labels: [''], target_label: a}", "at least 1 character"),
    ],
)
def test_invalid_rules_are_refused_with_their_line(files: Files, rule: str, reason: str) -> None:
    text = f"scrape_configs:\n  - job_name: j\n    relabel_configs:\n      - {rule}\n"
    ((line, message),) = files.problems(text)
    assert line == 4
    assert reason in message


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("scrape_intervall: 5s", "unknown key"),
        ("scrape_interval: 5", "is not a duration"),
        ("linode_sd_configs: [{}]", "not supported by Redshank: list these targets in a file"),
        ("oauth2: {client_id: a}", "oauth2 needs token_url"),
        ("dns_sd_configs: [{names: [a], type: MX}]", "type MX requires a port"),
        ("dns_sd_configs: [{names: [a], type: A}]", "requires a port"),
        ("file_sd_configs: [{files: [a.txt]}]", "is not the name of"),
        ("http_sd_configs: [{url: 'ftp://x'}]", "is not an HTTP URL"),
        ("static_configs: [{targets: ['http://a']}]", "is not a valid host"),
        ("static_configs: [{targets: [a], labels: {'': a}}]", "a label needs a name"),
        ("scrape_protocols: []", "cannot be empty"),
        ("body_size_limit: 100", "is not a size with its unit"),
        ("sample_limit: -1", "greater than or equal"),
        ("honor_labels: 1", "neither true nor false"),
        (
            "{metric_name_validation_scheme: legacy, metric_name_escaping_scheme: allow-utf-8}",
            "needs the validation scheme utf8",
        ),
        ("scrape_protocols: [PrometheusProto]", "not supported by Redshank"),
        ("scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]", "listed twice"),
        ("scrape_protocols: [XML]", "scrape_protocols"),
        ("scheme: ftp", "Input should be 'http' or 'https'"),
        ("job_name: again", 'key "job_name" stands twice'),
    ],
)
def test_invalid_jobs_are_refused_with_their_line(files: Files, keys: str, reason: str) -> None:
    if keys.startswith("{"):
        keys = keys[1:-1].replace(", ", "\n    ")
    problems = files.problems(f"scrape_configs:\n  - job_name: j\n    {keys}\n")
    assert problems[0][0] in (2, 3)
    assert reason in problems[0][1]


def test_job_names_are_unique_across_files(files: Files) -> None:
    more = "scrape_configs: [{job_name: b}]"
    top = "scrape_config_files: [more*.yml]\n"
    config = files.load(top + "scrape_configs: [{job_name: a}]", more=more)
    assert [job.name for job in config.jobs] == ["a", "b"]
    (problem,) = files.problems(top + "scrape_configs: [{job_name: b}]")
    assert problem == (1, 'job_name "b" is defined twice')


def test_settings_without_effect_are_warnings(files: Files, tmp_path: Path) -> None:
    config = files.load(
        "global:\n  query_log_file: x\nrule_files: [r/*.yml]\nremote_write: [{url: 'http://x'}]\n"
        "scrape_configs:\n  - job_name: j\n    scrape_native_histograms: true\n"
    )
    assert config.rule_files == (f"{tmp_path}/r/*.yml",)
    assert set(config.sections) == {"rule_files", "remote_write"}
    first, second, third = config.unhandled(frozenset({"rule_files"}))
    assert first.endswith("prometheus.yml:2: query_log_file has no effect in Redshank")
    assert second.endswith("prometheus.yml:7: scrape_native_histograms has no effect in Redshank")
    assert third.endswith("prometheus.yml:4: remote_write has no effect in Redshank")


def test_document_contains_every_job_with_masked_secrets(files: Files) -> None:
    config = files.load(
        "global: {scrape_interval: 7s}\nscrape_config_files: [more*.yml]\nscrape_configs:\n"
        "  - job_name: a\n    basic_auth: {username: u, password: p1}\n"
        "    http_headers: {X-Key: {secrets: [p2]}}\n    authorization:\n",
        more="scrape_configs: [{job_name: b, http_sd_configs: [{url: 'http://u:p3@x/'}]}]",
    )
    first, second = config.document["scrape_configs"]
    assert config.document["global"] == {"scrape_interval": "7s"}
    assert first["basic_auth"] == {"username": "u", "password": "<secret>"}
    assert first["http_headers"] == {"X-Key": {"secrets": "<secret>"}}
    assert second["http_sd_configs"] == [{"url": "http://u:<secret>@x/"}]


def test_external_labels_are_expanded_from_the_environment(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE", "north")
    config = files.load("global: {external_labels: {a: 'x-${SITE}', b: $$SITE, c: $NONE}}")
    assert config.external_labels == Labels.of(a="x-north", b="$SITE")


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="No such file"):
        load_prometheus_config(tmp_path / "none.yml")


GOOD = """
global: {scrape_interval: 15s, external_labels: {a: b}}
scrape_configs:
  - job_name: a
    static_configs: [{targets: ['h:1'], labels: {x: 'y'}}]
    params: {m: [x]}
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [a, b], action: keepequal, target_label: c}
      - {action: labelmap, regex: 'm_(.+)'}
      - {source_labels: [a], modulus: 3, action: hashmod, target_label: __tmp_hash}
    metric_relabel_configs: [{source_labels: [__name__], regex: 'go_.*', action: drop}]
    basic_auth: {username: u, password: p}
  - job_name: b
    file_sd_configs: [{files: ['*.json']}]
    http_sd_configs: [{url: 'http://x/y'}]
    dns_sd_configs: [{names: [x], type: AAAA, port: 1}]
    tls_config: {insecure_skip_verify: true}
    authorization: {type: Token, credentials: x}
    body_size_limit: 10MB
"""
BAD = [
    "scrape_configs: [{job_name: a}, {job_name: a}]",
    "scrape_configs: [{job_name: a, scrape_interval: 5s, scrape_timeout: 6s}]",
    "scrape_configs: [{job_name: a, relabel_configs: [{action: keep, regex: '('}]}]",
    "scrape_configs: [{job_name: a, relabel_configs: [{action: hashmod, target_label: x}]}]",
    "scrape_configs: [{job_name: a, relabel_configs: [{action: labeldrop, target_label: x}]}]",
    "scrape_configs: [{job_name: a, static_configs: [{targets: ['http://x/']}]}]",
    "scrape_configs: [{job_name: a, basic_auth: {}, authorization: {}}]",
    "scrape_configs: [{job_name: a, file_sd_configs: [{files: [x]}]}]",
    "scrape_configs: [{job_name: a, unknown: 1}]",
    "scrape_configs: [{}]",
]


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize(("text", "good"), [(GOOD, True), *((text, False) for text in BAD)])
def test_promtool_agrees(files: Files, text: str, good: bool) -> None:
    if good:
        files.load(text)
    else:
        files.problems(text)
    checked = subprocess.run(
        ["promtool", "check", "config", str(files.directory / "prometheus.yml")],
        capture_output=True,
        check=False,
    )
    assert (checked.returncode == 0) == good, checked.stderr
