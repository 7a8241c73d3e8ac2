import asyncio
import json
import os
from pathlib import Path

from scraper.discovery.file_sd import FileDiscoverer
from scraper.discovery.manager import DiscoveryManager
from tests.scraper.discovery.changes import Changes, instances, job, write


async def test_changed_and_removed_files_change_the_targets(
    discovery: DiscoveryManager, changes: Changes, tmp_path: Path
) -> None:
    discoverer = FileDiscoverer((f"{tmp_path}/*.json", f"{tmp_path}/*.yml"), 0.02)
    await write(tmp_path / "a.json", json.dumps([{"targets": ["a:1"], "labels": {"x": "y"}}]))
    await write(tmp_path / "b.yml", "- targets: [b:1]\n  labels: {v: 1.10}\n")
    discovery.apply([job(discoverer)])
    await changes.until(lambda: instances(discovery) == ["a:1", "b:1"])
    first, second = discovery.targets()
    assert first.labels.get("x") == "y"
    assert second.labels.get("v") == "1.10"
    assert first.discovered.get("__meta_filepath") == f"{tmp_path}/a.json"

    await write(tmp_path / "a.json", '[{"targets": ["a:1", "a:2"]}]')
    await changes.until(lambda: instances(discovery) == ["a:1", "a:2", "b:1"])
    await write(tmp_path / "a.json", "[{")
    await asyncio.to_thread(os.remove, tmp_path / "b.yml")
    await changes.until(lambda: instances(discovery) == ["a:1", "a:2"])
