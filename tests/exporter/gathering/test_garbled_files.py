"""A kernel file that is truncated, garbled or huge fails its own collectors, never the scrape."""

import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.gathering import catalogue
from exporter.gathering.gatherer import Gatherer
from exporter.roots import Roots
from exporter.serving.encoding import Encoder
from exporter.settings import ExporterSettings
from tests.exporter.host_tree import FIXTURES, unpack

NOW_MS = 1_700_000_000_125
FIELD = Path(__file__).parents[3].parent / "shared" / "field" / "node_exporter"
SUCCESS = "node_scrape_collector_success"
# They ask the kernel, other programs or other hosts, and read no file of the tree.
OF_NO_FILE = frozenset(
    [
        "certificates",
        "ethtool",
        "network_route",
        "nvidia",
        "probes",
        "qdisc",
        "smart",
        "tcpstat",
        "updates",
        "ups",
        "wifi",
    ]
)
NUMBER = re.compile(rb"[0-9]+")
WORD = re.compile(rb"[^\s:]+")
# Numbers that no kernel writes: too long for Python's int(), too large for a float, no integer.
ODD_NUMBERS = st.sampled_from(
    [b"9" * 5000, b"9" * 4300, b"9" * 400, b"-1", b"1e400", b"nan", b"0x10", b"1.5", b"", b"\xff"]
)


def replaced_one(content: bytes, pattern: "re.Pattern[bytes]", at: int, by: bytes) -> bytes:
    """Return the content with one match of the pattern replaced, chosen by `at`."""
    found = list(pattern.finditer(content))
    if not found:
        return content + by
    match = found[at % len(found)]
    return content[: match.start()] + by + content[match.end() :]


@st.composite
def mutations(draw: st.DrawFn, content: bytes) -> bytes:
    """Return the content of a file with something wrong in it."""
    kind = draw(st.sampled_from(("cut", "garbage", "number", "word", "lines", "huge")))
    at = draw(st.integers(0, max(len(content), 1)))
    if kind == "cut":
        return content[:at]
    if kind == "garbage":
        return content[:at] + draw(st.binary(max_size=20)) + content[at:]
    if kind == "number":
        return replaced_one(content, NUMBER, at, draw(ODD_NUMBERS))
    if kind == "word":
        return replaced_one(content, WORD, at, draw(st.sampled_from([b"", b"a b", b":", b'"\\'])))
    lines = content.split(b"\n")
    if kind == "lines":
        kept = lines[at % len(lines) :]
        return b"\n".join(kept + kept[:2])
    return content * min(1000, 2**18 // (len(content) + 1)) + b" " * draw(st.integers(0, 2**16))


def failures(roots: Roots) -> frozenset[str]:
    """Return the collectors without success in a scrape that a parser accepts."""
    enabled = frozenset(catalogue.OPT_IN.keys() - OF_NO_FILE)
    chosen = ExporterSettings(roots=roots, enabled=enabled, disabled=frozenset({"addresses"}))
    collectors = catalogue.build(chosen, lambda: NOW_MS)
    text = Encoder().encode(Gatherer(collectors, 60).gather(), "", "").body.decode()
    parsed = {family.name: family for family in parse_text(text)}
    return frozenset(
        sample.labels["collector"] for sample in parsed[SUCCESS].samples if sample.value == 0
    )


@pytest.fixture(params=["bare metal", "field"])
def roots(request: pytest.FixtureRequest, tmp_path: Path) -> Roots:
    if request.param == "bare metal":
        return unpack(FIXTURES / "bare_metal.tree", tmp_path)
    if not FIELD.exists():
        pytest.skip("the recorded trees are not here")
    with tarfile.open(FIELD / "fixtures.tar.xz") as archive:
        archive.extractall(tmp_path, filter="tar")
    return Roots(
        str(tmp_path / "proc"), str(tmp_path / "sys"), str(tmp_path), str(tmp_path / "udev/data")
    )


@pytest.fixture
def without_data(roots: Roots) -> frozenset[str]:
    """The collectors that fail before any file is garbled, because the host has no such device."""
    return failures(roots)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.slow
def test_garbled_kernel_file_fails_its_own_collectors_only(
    data: st.DataObject, roots: Roots, without_data: frozenset[str]
) -> None:
    directory = Path(roots.rootfs)
    names = sorted(
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    path = directory / data.draw(st.sampled_from(names))
    mode, content = path.stat().st_mode, path.read_bytes()
    path.chmod(0o600)
    changed = data.draw(mutations(content))
    path.write_bytes(changed)
    try:
        failed = failures(roots)
    finally:
        path.write_bytes(content)
        path.chmod(mode)
    # At most four collectors read the same file; `stat`, for example, cpu, stat and interrupts.
    assert len(failed - without_data) <= 4
