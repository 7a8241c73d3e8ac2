"""AWS Signature Version 4: signs a request with an access key.

Source: AWS documentation, "Signature Version 4 signing process".
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Credentials of AWS.

    Attributes:
        id: the identifier of the key.
        secret: the key.
        token: the session token of temporary credentials, "" for lasting ones.
    """

    id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request to sign.

    Attributes:
        method, url, body: the request.
        headers: its headers that are signed, besides those that signing adds.
        region, service: the scope of the signature.
    """

    method: str
    url: str
    region: str
    service: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def signed_headers(request: SignedRequest, key: AccessKey, now_ms: int) -> dict[str, str]:
    """Return the headers of a request with its signature, without `Host`."""
    time = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    added = {"X-Amz-Date": time} | ({"X-Amz-Security-Token": key.token} if key.token else {})
    headers = dict(request.headers) | added
    parts = urlsplit(request.url)
    canonical = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    canonical["host"] = parts.netloc
    names = ";".join(sorted(canonical))
    lines = [
        request.method,
        quote(parts.path or "/", safe="/-_.~%"),
        _canonical_query(parts.query),
        *(f"{name}:{canonical[name]}" for name in sorted(canonical)),
        "",
        names,
        hashlib.sha256(request.body).hexdigest(),
    ]
    scope = f"{time[:8]}/{request.region}/{request.service}/aws4_request"
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    signing_key = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        signing_key = _hmac(signing_key, part)
    signature = _hmac(signing_key, f"{_ALGORITHM}\n{time}\n{scope}\n{digest}").hex()
    credential = f"{_ALGORITHM} Credential={key.id}/{scope}"
    headers["Authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature}"
    return headers


def _canonical_query(query: str) -> str:
    pairs = [
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
