import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from scraper.discovery.clouds.aws_api import AwsService, parse_xml
from scraper.discovery.clouds.aws_credentials import AwsCredentials
from scraper.discovery.clouds.ec2 import Ec2Lookup
from scraper.discovery.clouds.sigv4 import AccessKey
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession
from tests.scraper.discovery.api_server import ApiServer, labels_by_address, looked_up
from tests.scraper.discovery.clouds import ec2_answers

KEY = AccessKey("AK", "secret")


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ACCESS_KEY_ID", "PROFILE", "WEB_IDENTITY_TOKEN_FILE", "ROLE_ARN"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


class Aws(ApiServer):
    """EC2, STS and the metadata of an instance."""

    def __init__(self) -> None:
        super().__init__({})
        self.forms: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.method != "POST":
            return web.Response(text=_metadata(request))
        self.forms.append(dict(parse_qsl((await request.read()).decode())))
        return web.Response(text=ec2_answers.answer(self.forms[-1]))


def _metadata(request: web.Request) -> str:
    if request.method == "PUT":
        return "session"
    assert request.headers["X-aws-ec2-metadata-token"] == "session"
    match request.path:
        case "/latest/meta-data/placement/region":
            return "eu-west-1"
        case "/latest/meta-data/iam/security-credentials/":
            return "role"
    return '{"AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t", "Code": "Success"}'


def lookup(url: str, credentials: AwsCredentials | None = None, **more: Any) -> Ec2Lookup:
    options: dict[str, Any] = {"region": "eu-west-1", "port": 80, "filters": ()} | more
    return Ec2Lookup(
        endpoint=url,
        credentials=credentials or AwsCredentials(KEY),
        access=HttpAccess(),
        **options,
    )


async def found(credentials: AwsCredentials, aws: Aws) -> AccessKey:
    session = HttpSession()
    await session.open()
    try:
        sts = AwsService(f"{aws.url}/", "eu-west-1", "sts", "2011-06-15", HttpAccess())
        return await credentials.find(session, sts)
    finally:
        await session.close()


async def test_instances_of_all_pages_are_targets() -> None:
    async with Aws().serving() as aws:
        targets = labels_by_address(await looked_up(lookup(aws.url)), "__meta_ec2_")
    assert sorted(targets) == ["10.0.0.1:80", "10.0.0.2:80"]
    assert targets["10.0.0.1:80"] == {
        "ami": "ami-1",
        "architecture": "x86_64",
        "availability_zone": "eu-west-1a",
        "availability_zone_id": "euw1-az3",
        "instance_id": "i-1",
        "instance_lifecycle": "spot",
        "instance_state": "running",
        "instance_type": "m5.large",
        "ipv6_addresses": ",2001:db8::1,2001:db8::2,",
        "owner_id": "123",
        "platform": "windows",
        "primary_ipv6_addresses": ",,,2001:db8::2,",
        "primary_subnet_id": "subnet-1",
        "private_dns_name": "ip-10-0-0-1.internal",
        "private_ip": "10.0.0.1",
        "public_dns_name": "ec2-1.example",
        "public_ip": "203.0.113.1",
        "region": "eu-west-1",
        "subnet_id": ",subnet-1,subnet-2,",
        "tag_Name": "web",
        "vpc_id": "vpc-1",
    }
    assert targets["10.0.0.2:80"]["subnet_id"] == ",,"


async def test_requests_are_signed_and_filtered() -> None:
    async with Aws().serving() as aws:
        await looked_up(lookup(aws.url, filters=(("tag:a", ("b", "c")),)))
    assert aws.forms[1] == {
        "Action": "DescribeInstances",
        "Version": "2016-11-15",
        "Filter.1.Name": "tag:a",
        "Filter.1.Value.1": "b",
        "Filter.1.Value.2": "c",
    }
    assert "Credential=AK/" in aws.requests[0].headers["Authorization"]
    assert "/eu-west-1/ec2/aws4_request" in aws.requests[0].headers["Authorization"]


async def test_role_is_assumed_with_the_key() -> None:
    async with Aws().serving() as aws:
        key = await found(AwsCredentials(KEY, role_arn="arn:x"), aws)
    assert key == AccessKey("ASIA", "secret", "session")
    assert aws.forms[0]["RoleArn"] == "arn:x"


async def test_key_of_the_instance_and_its_region_are_found() -> None:
    async with Aws().serving() as aws:
        credentials = AwsCredentials(metadata=aws.url)
        targets = await looked_up(lookup(aws.url, credentials, region=""))
    assert targets[0].labels.get("__meta_ec2_region") == "eu-west-1"
    posts = [each for each in aws.requests if each.method == "POST"]
    assert posts[0].headers["X-Amz-Security-Token"] == "t"


async def test_environment_comes_before_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await asyncio.to_thread(
        (tmp_path / "credentials").write_text,
        "[default]\naws_access_key_id = F\naws_secret_access_key = G\n"
        "[other]\naws_access_key_id = H\naws_secret_access_key = I\naws_session_token = J\n",
    )
    async with Aws().serving() as aws:
        assert await found(AwsCredentials(), aws) == AccessKey("F", "G")
        assert await found(AwsCredentials(profile="other"), aws) == AccessKey("H", "I", "J")
        with pytest.raises(DiscoveryError, match='no key for the profile "none"'):
            await found(AwsCredentials(profile="none"), aws)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "E")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
        assert await found(AwsCredentials(), aws) == AccessKey("E", "S")


async def test_web_identity_is_exchanged_without_signature(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await asyncio.to_thread((tmp_path / "token").write_text, "jwt\n")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:y")
    async with Aws().serving() as aws:
        assert (await found(AwsCredentials(), aws)).token == "session"
    assert (aws.forms[0]["WebIdentityToken"], aws.forms[0]["RoleArn"]) == ("jwt", "arn:y")
    assert "Authorization" not in aws.requests[0].headers


@pytest.mark.parametrize(
    "body", [b"", b"<a>", b"\xff", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"{}"]
)
def test_garbage_and_entities_are_refused(body: bytes) -> None:
    with pytest.raises(DiscoveryError):
        parse_xml(body)


@given(st.data())
def test_damaged_answers_are_discovery_errors_or_targets(data: st.DataObject) -> None:
    text = ec2_answers.PAGES[""]
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 80)))
    damaged = text[:begin] + data.draw(st.text(max_size=3)) + text[end:]
    own = lookup("http://x")
    with suppress(DiscoveryError):
        page = parse_xml(damaged.encode("utf-8", "replace"))
        for reservation in page.iterfind("reservationSet/item"):
            for instance in reservation.iterfind("instancesSet/item"):
                list(own._targets(reservation, instance, "r", {}))
