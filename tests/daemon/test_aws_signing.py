from collections.abc import AsyncIterator

import pytest

from alerting.errors import DeliveryError
from alerting.receivers.request_values import FORM, AwsSignature, ReceiverRequest
from daemon.aws_signing import signed
from scraper.discovery.clouds.aws_api import AwsService
from scraper.discovery.clouds.aws_credentials import AwsCredentials
from scraper.discovery.clouds.sigv4 import AccessKey
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

BODY = b"Action=Publish"


@pytest.fixture
async def session() -> AsyncIterator[HttpSession]:
    session = HttpSession()
    await session.open()
    yield session
    await session.close()


async def headers_of(session: HttpSession, url: str, signature: AwsSignature) -> tuple[str, str]:
    """Return the URL and the scope of a signed request."""
    request = ReceiverRequest(url, text=BODY.decode(), signature=signature)
    made, headers = await signed(request, {"Content-Type": FORM}, BODY, HttpAccess(), session)
    credential = headers["Authorization"].partition("Credential=")[2].partition(",")[0]
    key, _, region, service, _ = credential.split("/")
    assert headers["Content-Type"] == FORM
    return made.url, f"{key}/{region}/{service}"


async def test_request_goes_to_the_region_and_is_signed_for_it(session: HttpSession) -> None:
    own = AwsSignature("sns", "eu-west-1", "AKID", "hidden")
    assert await headers_of(session, "", own) == (
        "https://sns.eu-west-1.amazonaws.com/",
        "AKID/eu-west-1/sns",
    )
    china = AwsSignature("sns", "cn-north-1", "AKID", "hidden")
    assert (await headers_of(session, "", china))[0] == "https://sns.cn-north-1.amazonaws.com.cn/"
    given = await headers_of(session, "http://localhost:4566/sns", own)
    assert given == ("http://localhost:4566/sns", "AKID/eu-west-1/sns")
    assert "hidden" not in repr(own)


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
async def test_region_and_key_come_from_the_environment_without_settings(
    session: HttpSession, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for other in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "sa-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FROM-ENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    _, scope = await headers_of(session, "", AwsSignature("sns", ""))
    assert scope == "FROM-ENV/sa-east-1/sns"


async def test_role_is_assumed_at_the_wanted_endpoint(
    session: HttpSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str, str]] = []

    async def find(self: AwsCredentials, session: HttpSession, sts: AwsService) -> AccessKey:
        seen.append((sts.url, self.role_arn, self.external_id))
        return AccessKey("ASIA", "s", "token")

    monkeypatch.setattr(AwsCredentials, "find", find)
    role = AwsSignature("sns", "us-east-1", role_arn="arn:r", external_id="theirs", uses_fips=True)
    assert (await headers_of(session, "", role))[1] == "ASIA/us-east-1/sns"
    assert seen == [("https://sts-fips.us-east-1.amazonaws.com/", "arn:r", "theirs")]


async def test_missing_key_is_an_error_of_the_delivery(
    session: HttpSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find(self: AwsCredentials, session: HttpSession, sts: AwsService) -> AccessKey:
        raise DiscoveryError("no AWS credentials")

    monkeypatch.setattr(AwsCredentials, "find", find)
    with pytest.raises(DeliveryError, match="AWS: no AWS credentials"):
        await headers_of(session, "", AwsSignature("sns", "eu-west-1"))
