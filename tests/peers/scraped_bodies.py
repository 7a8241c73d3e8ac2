"""Serves bodies as targets and returns what a server made of them."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

SYNTHETIC = (
    "up",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)

Query = Callable[[str], Awaitable[list[dict[str, Any]]]]
"""Returns the result of an instant query."""


@dataclass(frozen=True, slots=True)
class Body:
    """One body that a target serves at every scrape."""

    name: str
    content: bytes
    content_type: str = TEXT
    content_encoding: str = ""


@dataclass(slots=True)
class Scraped:
    """What a server stored of one target's first scrape.

    Attributes:
        synthetic: the values of the series that the server adds.
        series: the first value of each series, by its labels without the target's.
    """

    synthetic: dict[str, float] = field(default_factory=dict)
    series: dict[frozenset[tuple[str, str]], float | str] = field(default_factory=dict)


@asynccontextmanager
async def served(bodies: Sequence[Body]) -> AsyncIterator[str]:
    """Serve each body under its number; yield HOST:PORT."""

    async def answer(request: web.Request) -> web.Response:
        body = bodies[int(request.match_info["number"])]
        headers = {"Content-Type": body.content_type}
        if body.content_encoding:
            headers["Content-Encoding"] = body.content_encoding
        return web.Response(body=body.content, headers=headers)

    app = web.Application()
    app.router.add_get("/{number}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def write_configuration(folder: Path, address: str, bodies: Sequence[Body], job: str) -> Path:
    """Write a prometheus.yml that scrapes every body once in a minute, soon after its start.

    Args:
        folder: where to write it.
        address: HOST:PORT of the served bodies.
        bodies: the bodies.
        job: further keys of the job, as YAML.
    """
    targets = [
        {
            "targets": [address],
            "labels": {"__metrics_path__": f"/{number}", "instance": body.name},
        }
        for number, body in enumerate(bodies)
    ]
    (folder / "targets.json").write_text(json.dumps(targets))
    path = folder / "prometheus.yml"
    path.write_text(
        f"global: {{scrape_interval: 3s, scrape_timeout: 3s}}\nscrape_configs:\n"
        f"- job_name: field\n  file_sd_configs: [{{files: [targets.json]}}]\n{job}"
    )
    return path


async def scraped(query: Query, bodies: Sequence[Body]) -> Mapping[str, Scraped]:
    """Wait until every body was scraped, and return what was stored, by the body's name."""
    async with asyncio.timeout(60):
        while True:
            up = await query('up{job="field"}[1h]')
            if len(up) == len(bodies):
                break
            await asyncio.sleep(0.2)
    found = {body.name: Scraped() for body in bodies}
    for series in await query('{job="field"}[1h]'):
        labels = dict(series["metric"])
        del labels["job"]
        one = found[labels.pop("instance")]
        value = float(series["values"][0][1])
        name = labels.get("__name__", "")
        if len(labels) == 1 and name.startswith(("up", "scrape_")):
            one.synthetic[name] = value
        else:
            one.series[frozenset(labels.items())] = "NaN" if math.isnan(value) else value
    for one in found.values():
        one.synthetic = {name: one.synthetic.get(name, -1) for name in SYNTHETIC}
    return found
