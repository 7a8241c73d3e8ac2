"""Finds credentials of AWS where its own programs find them.

Source: AWS documentation, "Standardized credential providers", "Use IMDSv2",
"AssumeRole" and "AssumeRoleWithWebIdentity".
"""

import asyncio
import configparser
import os
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from pydantic import Field, TypeAdapter

from scraper.discovery.clouds.aws_api import AwsService, text_of
from scraper.discovery.clouds.sigv4 import AccessKey
from scraper.discovery.engine.api import ApiObject, ApiRequest, get, request
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

METADATA = "http://169.254.169.254"
_CONTAINER = "http://169.254.170.2"
_SESSION_NAME = "redshank"
_METADATA_TIMEOUT_S = 5.0


class _Temporary(ApiObject):
    id: str = Field(alias="AccessKeyId")
    secret: str = Field(alias="SecretAccessKey")
    token: str = Field("", alias="Token")


_TEMPORARY = TypeAdapter(_Temporary)


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """Where credentials come from.

    Attributes:
        access_key: a configured key; None to look for one.
        profile: a section of the shared credentials file.
        role_arn: the role to assume with the key.
        external_id: the secret that the role's owner asks for, "" for none.
        metadata: the URL of the instance metadata service.
    """

    access_key: AccessKey | None = None
    profile: str = ""
    role_arn: str = ""
    metadata: str = field(default=METADATA)
    external_id: str = field(default="", repr=False)

    async def find(self, session: HttpSession, sts: AwsService) -> AccessKey:
        """Return a key.

        Raises:
            DiscoveryError: there is none, or the role is refused.
        """
        key = self.access_key or await self._look_for_key(session, sts)
        if not self.role_arn:
            return key
        role = {"RoleArn": self.role_arn, "RoleSessionName": _SESSION_NAME}
        if self.external_id:
            role["ExternalId"] = self.external_id
        return _of_role(await sts.call(session, key, "AssumeRole", role))

    async def _look_for_key(self, session: HttpSession, sts: AwsService) -> AccessKey:
        environment = os.environ
        if not self.profile and (identifier := environment.get("AWS_ACCESS_KEY_ID")):
            secret = environment.get("AWS_SECRET_ACCESS_KEY", "")
            return AccessKey(identifier, secret, environment.get("AWS_SESSION_TOKEN", ""))
        if (key := await asyncio.to_thread(_from_file, self.profile)) is not None:
            return key
        if token_file := environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
            return await _of_web_identity(session, sts, Path(token_file))
        if path := environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
            return await _temporary(session, ApiRequest(_CONTAINER + path, HttpAccess()))
        return await self._of_instance(session)

    async def _of_instance(self, session: HttpSession) -> AccessKey:
        """Return the key of the role of this EC2 instance."""
        base = f"{self.metadata}/latest/meta-data/iam/security-credentials/"
        try:
            headers = await self._metadata_headers(session)
            listed = await request(session, _metadata_request(base, headers))
            role = listed.body.decode(errors="replace").split("\n")[0].strip()
            return await _temporary(session, _metadata_request(base + role, headers))
        except DiscoveryError as exc:
            raise DiscoveryError(
                f"no AWS credentials: give access_key and secret_key, a profile or a role ({exc})"
            ) from exc

    async def region(self, session: HttpSession) -> str:
        """Return the region of this EC2 instance.

        Raises:
            DiscoveryError: this is no EC2 instance.
        """
        url = f"{self.metadata}/latest/meta-data/placement/region"
        try:
            headers = await self._metadata_headers(session)
            answer = await request(session, _metadata_request(url, headers))
        except DiscoveryError as exc:
            raise DiscoveryError(f"give a region: {exc}") from exc
        return answer.body.decode(errors="replace").strip()

    async def _metadata_headers(self, session: HttpSession) -> tuple[tuple[str, str], ...]:
        """Return the headers with a session of the metadata service."""
        wanted = ApiRequest(
            f"{self.metadata}/latest/api/token",
            HttpAccess(),
            (("X-aws-ec2-metadata-token-ttl-seconds", "60"),),
            "PUT",
            timeout_s=_METADATA_TIMEOUT_S,
        )
        token = (await request(session, wanted)).body.decode("ascii", "replace").strip()
        return (("X-aws-ec2-metadata-token", token),)


def _metadata_request(url: str, headers: tuple[tuple[str, str], ...]) -> ApiRequest:
    return ApiRequest(url, HttpAccess(), headers, timeout_s=_METADATA_TIMEOUT_S)


async def _temporary(session: HttpSession, wanted: ApiRequest) -> AccessKey:
    found = await get(session, wanted, _TEMPORARY)
    return AccessKey(found.id, found.secret, found.token)


def _from_file(profile: str) -> AccessKey | None:
    """Return the key of a profile of the shared credentials file; blocks.

    Raises:
        DiscoveryError: the file is invalid, or does not have the profile.
    """
    default = Path.home() / ".aws" / "credentials"
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or default)
    name = profile or os.environ.get("AWS_PROFILE") or "default"
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError) as exc:
        raise DiscoveryError(f"{file}: {exc}") from exc
    if parser.has_option(name, "aws_access_key_id"):
        section = parser[name]
        return AccessKey(
            section["aws_access_key_id"],
            section.get("aws_secret_access_key", ""),
            section.get("aws_session_token", ""),
        )
    if profile:
        raise DiscoveryError(f'{file} has no key for the profile "{profile}"')
    return None


async def _of_web_identity(session: HttpSession, sts: AwsService, file: Path) -> AccessKey:
    try:
        token = await asyncio.to_thread(file.read_text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise DiscoveryError(f"cannot read {file}: {exc}") from exc
    role = {
        "RoleArn": os.environ.get("AWS_ROLE_ARN", ""),
        "RoleSessionName": os.environ.get("AWS_ROLE_SESSION_NAME") or _SESSION_NAME,
        "WebIdentityToken": token.strip(),
    }
    return _of_role(await sts.call(session, None, "AssumeRoleWithWebIdentity", role))


def _of_role(answer: Element) -> AccessKey:
    found = answer.find(".//Credentials")
    if found is None:
        raise DiscoveryError("unexpected answer: STS sent no credentials")
    texts = [text_of(found, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    return AccessKey(*(text or "" for text in texts))
