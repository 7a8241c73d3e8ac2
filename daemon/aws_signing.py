"""Signs the requests of receivers to AWS with the key and the signature of EC2 discovery."""

import os
from dataclasses import replace

from alerting.errors import DeliveryError
from alerting.receivers.request_values import AwsSignature, ReceiverRequest
from model.clock import system_clock
from scraper.discovery.clouds.aws_api import STS_VERSION, AwsService, service_url
from scraper.discovery.clouds.aws_credentials import AwsCredentials
from scraper.discovery.clouds.sigv4 import AccessKey, SignedRequest, signed_headers
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession


async def signed(
    request: ReceiverRequest,
    headers: dict[str, str],
    body: bytes,
    access: HttpAccess,
    session: HttpSession,
) -> tuple[ReceiverRequest, dict[str, str]]:
    """Return a request with its address, and its headers with a signature.

    Raises:
        DeliveryError: there is no key or no region, or AWS refuses the role.
    """
    wanted = request.signature
    if wanted is None:
        return request, headers
    credentials = _credentials(wanted)
    try:
        region = wanted.region or _region() or await credentials.region(session)
        key = await credentials.find(session, _sts(wanted, region, access))
    except DiscoveryError as exc:
        raise DeliveryError(f"AWS: {exc}") from exc
    url = request.url or f"{service_url(wanted.service, region)}/"
    signing = SignedRequest(
        request.method, url, region, wanted.service, tuple(headers.items()), body
    )
    return replace(request, url=url), signed_headers(signing, key, system_clock())


def _credentials(wanted: AwsSignature) -> AwsCredentials:
    key = AccessKey(wanted.access_key, wanted.secret_key) if wanted.access_key else None
    return AwsCredentials(key, wanted.profile, wanted.role_arn, external_id=wanted.external_id)


def _region() -> str:
    environment = os.environ
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""


def _sts(wanted: AwsSignature, region: str, access: HttpAccess) -> AwsService:
    name = "sts-fips" if wanted.uses_fips else "sts"
    return AwsService(f"{service_url(name, region)}/", region, "sts", STS_VERSION, access)
