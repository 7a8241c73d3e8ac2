"""A lack of this server's own resources is never the fault of a target."""

import asyncio
import errno
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from model.clock import system_clock
from model.conditions import SCRAPES_EXHAUSTED, Conditions
from model.labels import Labels
from model.targets import Health
from scraper.fetching.exhaustion import own_exhaustion
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.targets import ScrapeTarget
from scraper.fetching.tls import TlsAccess
from scraper.scheduling.scraper import Scraper
from tests.patience import PATIENCE_S
from tests.scraper.exposing_server import body, serving
from tests.scraper.recording_appender import RecordingAppender


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let this process open no further file during the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The system hands out the lowest number, so all lower ones are taken.
    lowest_free = os.dup(2)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("access", [HttpAccess(), HttpAccess(tls=TlsAccess())])
@pytest.mark.fault("scrapes_exhausted")
async def test_a_scrape_without_a_descriptor_is_no_failure_of_the_target(
    access: HttpAccess,
) -> None:
    now_ms = [1_000_000]
    store, conditions = RecordingAppender(), Conditions(lambda: now_ms[0])
    labels = Labels.of(job="node", instance="a")
    async with serving(metrics=body("a 1\n")) as url:
        target = ScrapeTarget(url("metrics"), labels, 3600, 5, access=access)
        async with Scraper(store, lambda: now_ms[0], conditions) as scraper:
            scraper.apply([target])
            (state,) = scraper._scrapers.values()
            async with asyncio.timeout(PATIENCE_S):
                while state.busy:  # noqa: ASYNC110
                    await asyncio.sleep(0)
            appended = len(store.vectors)
            assert scraper.statuses()[0].health is Health.UP

            # Another address needs a new connection.
            state.reconfigure(replace(target, url=target.url.replace("127.0.0.1", "127.0.0.2")))
            now_ms[0] += 15_000
            with no_descriptors():
                await state.scrape(now_ms[0])
            (status,) = scraper.statuses()
            assert (status.health, status.last_error) == (
                Health.UP,
                "not scraped: this server has no file descriptor",
            )
            assert len(store.vectors) == appended
            assert (scraper.statistics.exhausted, scraper.statistics.failures) == (1, 0)
            assert [one.kind for one in conditions.active()] == [SCRAPES_EXHAUSTED]

            state.reconfigure(target)
            now_ms[0] += 60_000
            await state.scrape(now_ms[0])
            assert scraper.statuses()[0].last_error == ""
            assert len(store.vectors) > appended
            assert not conditions.active()


async def test_a_name_that_cannot_be_resolved_without_descriptors_is_no_failure() -> None:
    store = RecordingAppender()
    labels = Labels.of(job="node", instance="a")
    target = ScrapeTarget("http://no-such-host.invalid/metrics", labels, 3600, 5)
    async with Scraper(store, system_clock) as scraper:
        with no_descriptors():
            scraper.apply([target])
            (state,) = scraper._scrapers.values()
            async with asyncio.timeout(PATIENCE_S):
                while state.busy:  # noqa: ASYNC110
                    await asyncio.sleep(0)
        assert scraper.statuses()[0].health is Health.UNKNOWN
        assert not store.vectors


@pytest.mark.parametrize(
    ("exc", "lacking"),
    [
        (OSError(errno.EMFILE, "x"), "no file descriptor"),
        (OSError(errno.ENFILE, "x"), "no file descriptor"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "no local port"),
        (OSError(errno.ENOBUFS, "x"), "no memory"),
        (MemoryError(), "no memory"),
        (RuntimeError("can't start new thread"), "no thread"),
        (RuntimeError("anything else"), ""),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), ""),
        (OSError(errno.EHOSTUNREACH, "x"), ""),
        (socket.gaierror(socket.EAI_NONAME, "x"), ""),
        (ValueError("x"), ""),
    ],
)
def test_only_a_lack_of_this_machines_resources_is_its_own(exc: Exception, lacking: str) -> None:
    assert own_exhaustion(exc) == lacking
