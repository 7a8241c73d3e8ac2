"""The server's log during a typical use: its request lines, and no secrets."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp

from tests.patience import PATIENCE_S
from tests.system.processes import ADMIN_PASSWORD, redshank_server, until

SETTINGS = {
    "log": {"level": "debug", "format": "json"},
    "server": {"scrape_self": False},
    "alerting": {
        "receivers": [
            {
                "name": "hook",
                "type": "webhook",
                "url": "http://127.0.0.1:1/hook/webhook-secret-in-path?key=webhook-secret-in-query",
            }
        ]
    },
}
MALFORMED = (
    b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\x00\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nCookie: redshank_session=%s" + b"x" * 9_000 + b"\r\n\r\n",
    b"GET /?token=%s HTTP/9.9\r\n\r\n",
    b"POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n",
    b"POST /auth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n\r\n",
)


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


async def send_raw(url: str, request: bytes) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    async with asyncio.timeout(PATIENCE_S):
        await reader.read(100)
    writer.close()
    await writer.wait_closed()


async def test_no_secret_is_ever_logged(tmp_path: Path) -> None:
    secrets = {"wrong-password-secret", "query-secret", "malformed-secret", "unknown-token-secret"}
    secrets |= {"webhook-secret-in-path", "webhook-secret-in-query", ADMIN_PASSWORD}
    new_password = "another-password-secret"
    secrets.add(new_password)
    async with redshank_server(tmp_path / "data", SETTINGS) as server:
        token = server.session.headers["Authorization"].removeprefix("Bearer ")
        secrets.add(token)

        async def request(method: str, path: str, **arguments: Any) -> aiohttp.ClientResponse:
            arguments.setdefault("allow_redirects", False)
            async with server.session.request(method, server.url + path, **arguments) as answer:
                await answer.read()
                return answer

        # A person mistypes the password, then logs in.
        form = {"username": "admin", "password": "wrong-password-secret"}
        assert (await request("POST", "/login", data=form, headers={"Authorization": ""})).status
        # The password is in the field of the user name.
        await request("POST", "/login", data={"username": ADMIN_PASSWORD, "password": "x"})
        form["password"] = ADMIN_PASSWORD
        logged_in = await request("POST", "/login", data=form)
        assert logged_in.status == 303
        session = logged_in.cookies["redshank_session"].value
        secrets.add(session)
        await request("GET", "/account?token=query-secret")
        # Programs use valid and invalid tokens.
        made = await server.post("/api/account/tokens", {"label": "grafana"}, 201)
        secrets.add(made["access_token"])
        for headers in (
            {"Authorization": f"Bearer {made['access_token']}"},
            {"Authorization": "Bearer unknown-token-secret"},
            {"X-API-Key": "unknown-token-secret", "Authorization": ""},
        ):
            await request("GET", "/api/fleet", headers=headers)
        user = {"name": "bob", "role": "viewer", "password": new_password}
        await server.post("/api/users", user, 201)
        await server.post("/api/users", user | {"role": "nonsense"}, 400)
        reset = {"password": new_password + "!"}
        assert (await request("PUT", "/api/users/bob/password", json=reset)).status == 204
        # A receiver fails; its URL is a secret.
        assert (await request("POST", "/api/receivers/hook/test")).status == 502
        secrets.add((await server.post("/auth/refresh", {}))["access_token"])
        for malformed in MALFORMED:
            await send_raw(server.url, malformed.replace(b"%s", b"malformed-secret"))

        async def logged() -> bool:
            return server.process.output.count("http_request_malformed") == len(MALFORMED)

        await until(logged, "the malformed requests to be logged")
        await server.process.stop()
    output = server.process.output
    found = [secret for secret in secrets if secret in output]
    assert found == []
    logged_requests = [line for line in lines(output) if line["event"] == "http_request"]
    keys = {"request_id", "method", "route", "status", "duration_s", "user", "level", "time"}
    assert all(keys <= line.keys() for line in logged_requests)
    assert {303, 200, 201, 204, 400, 401, 502} <= {line["status"] for line in logged_requests}
    assert "Traceback" not in output
    assert not [line for line in lines(output) if line["level"] == "error"]


async def test_host_with_a_forbidden_address_is_shown_as_down(
    tmp_path: Path,
) -> None:
    settings = {
        "server": {"scrape_self": False},
        "scrape": {
            "interval": "1s",
            "timeout": "1s",
            "added_hosts": {"private_networks": False},
        },
    }
    async with redshank_server(tmp_path / "data", settings) as server:
        port = server.url.rpartition(":")[2]
        url = f"http://localhost:{port}/metrics"
        added = await server.post("/api/hosts", {"name": "inside", "url": url}, 201)

        async def reason() -> str:
            host = await server.get(f"/api/hosts/{added['id']}")
            return str(host["reason"])

        shown = await until(reason, "the host to be down")
        assert "is refused: private networks are" in shown
        refused = {"name": "other", "url": f"http://127.0.0.1:{port}/metrics"}
        assert (await server.post("/api/hosts", refused, 400))["field"] == "url"
