"""Every exposition of the field gives what it gives in a scrape by Prometheus 3.5."""

import asyncio
import gzip
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import pytest

from tests.peers.scraped_bodies import (
    OPENMETRICS,
    Body,
    Scraped,
    scraped,
    served,
    write_configuration,
)
from tests.ports import free_port
from tests.programs import program, skip_before_version
from tests.system.processes import ROOT, redshank_server, running

pytestmark = pytest.mark.peer

FIELD = ROOT.parent / "shared" / "field" / "expositions"

DIFFERENT = {
    "a09-leading-space.txt": "Prometheus makes the blanks a part of the metric's name",
    "a09-tabs.txt": "a new Prometheus counts a sample of 1970 as added, a later one does not",
    "leading blank": "Prometheus makes the blanks a part of the metric's name",
    "up": "Prometheus stores the target's own value of up",
    "deflate": "Prometheus ignores every Content-Encoding but gzip and parses what it gets",
    "NUL line": "Prometheus ignores everything after a NUL byte at the start of a line",
    "NUL in comment": "Prometheus ignores everything after a NUL byte in a comment",
    "NUL after value": "Prometheus makes the closing quote a part of the label value",
}
"""Bodies that Redshank reads differently on purpose: docs/configuration.md says why."""

TYPES = ",".join(
    ("application/openmetrics-text;version=1.0.0;q=0.6", "text/plain;version=0.0.4;q=0.5")
)
CASES = [
    Body("leading blank", b"  m 1\n"),
    Body("up", b"up 5\nm 1\n"),
    Body("NUL line", b"m 1\n\0n 2\n"),
    Body("NUL in comment", b"m 1\n#\0\nn 2\n"),
    Body("NUL after value", b'm{a="x"\0} 1\n'),
    Body("duplicates", b"m 1\nm 2\n"),
    Body("duplicate notations", b'm{} 1\nm 2\nn{a="",b="x"} 1\nn{b="x"} 2\n'),
    Body("equal bounds", b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1.0"} 2\n'),
    Body("backslash", b'm{p="C:\\dir"} 1\n'),
    Body("no comma", b'm{a="b"c="d"} 1\n'),
    Body("line feed", b'm{a="x\n# TYPE y\n"} 1\nn 2\n'),
    Body("NUL in value", b'm{a="x\0y"} 1\n'),
    Body("name last", b'{a="b","m.x"} 1\n'),
    Body("bare comments", b"# HELP\n# TYPE\n#HELP x\nm 1\n"),
    Body("HELP without name", b"# HELP \nm 1\n"),
    Body("type with blank", b"m 1\n# TYPE n gauge \nn 2\n"),
    Body("negative timestamp", b"m 1\nn 1 -5\n"),
    Body("signed timestamp", b"m 1 +123\n"),
    Body("no blanks", b'm+1\nn{a="b"}2\n'),
    Body("empty label beside a value", b'm{a="",a="b"} 1\n'),
    Body("repeated label", b'm 1\nm{a="b",a="c"} 1\nn 1\n'),
    Body("type above other metrics", b'# TYPE h histogram\ng{le="1",quantile="1"} 1\n'),
    Body("bounds", b'# TYPE h histogram\nh{le="-0"} 1\nh{le="1e6"} 2\nh{le="0x1p-2"} 3\n'),
    Body("own labels", b'm{job="mine"} 1\nn{instance="i"} 2\n'),
    Body("long value", b'm{a="' + b"x" * 3_000_000 + b'"} 1\n'),
    Body("many labels", b"m{" + b",".join(b'l%d="x"' % n for n in range(200)) + b"} 1\n"),
    Body("empty", b""),
    Body("empty OpenMetrics", b"", OPENMETRICS),
    Body("empty without type", b"", "text/html"),
    Body("OpenMetrics", b"# TYPE m counter\nm_total 1 # {a=\"b\"} 1\n# EOF\n", OPENMETRICS),
    Body("OpenMetrics without EOF", b"m 1\nn 2\n", OPENMETRICS),
    Body("OpenMetrics cut", b"m 1\nn 2", OPENMETRICS),
    Body("OpenMetrics beyond EOF", b"m 1\n# EOF\n\n", OPENMETRICS),
    Body("OpenMetrics without comma", b'm{a="b"c="d"} 1\n# EOF\n', OPENMETRICS),
    Body("OpenMetrics HELP without text", b"# HELP m\nm 1\n# EOF\n", OPENMETRICS),
    Body("OpenMetrics type with blank", b"# TYPE m gauge \nm 1\n# EOF\n", OPENMETRICS),
    Body("OpenMetrics far timestamp", b"m 1 1e300\nn 1\n# EOF\n", OPENMETRICS),
    Body("OpenMetrics gauge histogram", b'# TYPE m gaugehistogram\nm_bucket{le="1"} 1\n# EOF\n',
         OPENMETRICS),
    Body("list of types", b"m 1\n", TYPES),
    Body("media type in capitals", b"m 1\n", "TEXT/PLAIN; Charset=utf-8;"),
    Body("repeated parameter", b"m 1\n", "text/plain; a=b; a=c"),
    Body("HTML", b"m 1\n", "text/html"),
    Body("gzip", gzip.compress(b"m 1\n"), content_encoding="gzip"),
    Body("gzip cut", gzip.compress(b"m 1\nn 2\n")[:-4], content_encoding="gzip"),
    Body("deflate", b"m 1\n", content_encoding="deflate"),
    Body("text labelled gzip", b"m 1\n", content_encoding="gzip"),
]  # fmt: skip


def flushed() -> Body:
    """Return a gzip body that ends at a flush, without its trailer."""
    compressor = zlib.compressobj(wbits=31)
    content = compressor.compress(b"m 1\n") + compressor.flush(zlib.Z_SYNC_FLUSH)
    return Body("gzip flushed", content, content_encoding="gzip")


@pytest.fixture
def prometheus() -> str:
    """The path of Prometheus 3.5 or newer."""
    skip_before_version("prometheus", (3, 5, 0))
    return program("prometheus")


async def by_prometheus(
    prometheus: str, configuration: Path, folder: Path, bodies: Sequence[Body]
) -> Mapping[str, Scraped]:
    address = f"127.0.0.1:{free_port()}"
    async with (
        running(
            prometheus,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder}",
            f"--web.listen-address={address}",
        ) as process,
        aiohttp.ClientSession() as session,
    ):
        await process.line("Server is ready to receive web requests")

        async def query(expression: str) -> list[dict[str, object]]:
            url = f"http://{address}/api/v1/query"
            async with session.get(url, params={"query": expression}) as response:
                found: list[dict[str, object]] = (await response.json())["data"]["result"]
                return found

        return await scraped(query, bodies)


async def compare(
    prometheus: str, folder: Path, bodies: Sequence[Body], job: str = ""
) -> dict[str, tuple[Scraped, Scraped]]:
    """Return what Redshank and Prometheus stored of the bodies on which they differ."""
    async with served(bodies) as address:
        configuration = await asyncio.to_thread(write_configuration, folder, address, bodies, job)
        flags = ("--scrape-config", str(configuration))
        async with redshank_server(folder / "data", {}, "server", *flags) as server:
            ours, theirs = await asyncio.gather(
                scraped(server.query, bodies),
                by_prometheus(prometheus, configuration, folder / "theirs", bodies),
            )
    assert any(one.synthetic["up"] == 1 for one in theirs.values())
    return {
        body.name: (ours[body.name], theirs[body.name])
        for body in bodies
        if ours[body.name] != theirs[body.name]
    }


async def test_expositions_of_the_field(prometheus: str, tmp_path: Path) -> None:
    if not FIELD.is_dir():
        pytest.skip(f"{FIELD} is not there: the field's files are not part of the project")
    now_ms = round(time.time() * 1000)
    bodies = []
    for path in await asyncio.to_thread(lambda: sorted(FIELD.rglob("*.txt"))):
        content = await asyncio.to_thread(path.read_bytes)
        for place, age_ms in ((b"NOW0", 2000), (b"NOW1", 1000)):
            content = content.replace(place, b"%d" % (now_ms - age_ms))
        bodies.append(Body(path.name, content))
    assert len(bodies) > 70
    different = await compare(prometheus, tmp_path, bodies)
    assert {name: pair for name, pair in different.items() if name not in DIFFERENT} == {}


async def test_unusual_bodies_and_headers(prometheus: str, tmp_path: Path) -> None:
    bodies = [*CASES, flushed()]
    different = await compare(prometheus, tmp_path, bodies)
    assert {name: pair for name, pair in different.items() if name not in DIFFERENT} == {}
    assert different.keys() == DIFFERENT.keys() & {body.name for body in bodies}


async def test_fallback_protocol_reads_bodies_of_unusable_content_types(
    prometheus: str, tmp_path: Path
) -> None:
    bodies = [body for body in CASES if body.name in ("list of types", "HTML", "OpenMetrics")]
    job = "  fallback_scrape_protocol: PrometheusText0.0.4\n"
    assert await compare(prometheus, tmp_path, bodies, job) == {}
