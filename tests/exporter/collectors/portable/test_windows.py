"""The exporter without what Windows' Python lacks: the `os` functions, modules and sockets."""

import base64
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import bcrypt

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[4]
PROGRAM = "tests.exporter.collectors.portable.python_of_windows"


def test_exporter_serves_all_its_collectors_with_users_and_text_files(tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{ann: {hashed}}}\n")
    (tmp_path / "backup.prom").write_text("backup_size_bytes 5\n")
    options = (
        *("--listen=127.0.0.1:0", "--log-format=json", f"--web.config.file={tmp_path}/web.yml"),
        *(f"--textfile-directory={tmp_path}", f"--path.sysfs={tmp_path}/none"),
        # A server's machine has no battery.
        *("--no-collector.powersupplyclass", "--collector.certificates", "--collector.probes"),
        *(f"--collector.certificates.file={tmp_path}/none.pem", "--collector.probes.tcp=[::1]:1"),
        # The first scrape of a busy machine takes its time.
        f"--collector-timeout={PATIENCE_S}",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", PROGRAM, *options], stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stderr is not None
        started = process.stderr.readline()
        assert "exporter_listening" in started, started + process.stderr.read()
        token = base64.b64encode(b"ann:secret").decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{json.loads(started)['port']}/metrics",
            headers={"Authorization": f"Basic {token}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            lines = answer.read().decode().split("\n")
    finally:
        process.kill()
        _, logged = process.communicate()
    successes = [line for line in lines if line.startswith("node_scrape_collector_success{")]
    assert [line for line in successes if not line.endswith(" 1")] == [], logged
    assert len(successes) == 15
    assert "backup_size_bytes 5" in lines
    assert any(line.startswith("node_uname_info{") for line in lines)
