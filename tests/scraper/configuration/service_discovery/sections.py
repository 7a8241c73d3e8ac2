"""Reads one section of service discovery as a part of a `prometheus.yml`."""

from pathlib import Path

import pytest

from model.documents import DocumentError
from scraper.configuration.prometheus_config import load_prometheus_config
from scraper.discovery.engine.discoverer import Discoverer


def discoverer(tmp_path: Path, kind: str, section: str) -> Discoverer:
    """Return the discoverer of a section in YAML's flow style."""
    path = tmp_path / "prometheus.yml"
    path.write_text(f"scrape_configs:\n- job_name: a\n  {kind}_sd_configs:\n  - {section}\n")
    (job,) = load_prometheus_config(path).jobs
    (found,) = job.discoverers
    return found


def refusal(tmp_path: Path, kind: str, section: str) -> str:
    """Return the message of a refused section, which names the line of the section."""
    with pytest.raises(DocumentError) as raised:
        discoverer(tmp_path, kind, section)
    assert {line for line, _ in raised.value.problems} == {4}
    return "\n".join(message for _, message in raised.value.problems)
