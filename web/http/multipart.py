"""Reads the fields of a `multipart/form-data` body, which is in memory already.

aiohttp's reader writes such bodies to temporary files.

Source: RFC 7578, "Returning Values from Forms"; RFC 2046, section 5.1.
"""

from email.message import Message
from typing import Final

from web.http.errors import BadRequestError

MULTIPART: Final = "multipart/form-data"

_LONGEST_BOUNDARY: Final = 70
_MOST_FIELDS: Final = 1000


def multipart_fields(body: bytes, content_type: str) -> list[tuple[str, str]]:
    """Return the names and values of the fields, in order, without files.

    Raises:
        BadRequestError: the body is not such a form in UTF-8, or has more than a thousand
            parts.
    """
    delimiter = b"\r\n--" + _boundary(content_type)
    # The first delimiter may lack its line break.
    _, *parts = (b"\r\n" + body).split(delimiter, _MOST_FIELDS + 2)
    if len(parts) > _MOST_FIELDS + 1:
        raise BadRequestError(f"the body is a form with more than {_MOST_FIELDS} fields")
    if not parts or not parts[-1].startswith(b"--"):
        raise BadRequestError("the body is not a multipart form, or is truncated")
    try:
        fields = [_field(part) for part in parts[:-1]]
    except UnicodeDecodeError as exc:
        raise BadRequestError("send the form as UTF-8") from exc
    return [field for field in fields if field is not None]


def _boundary(content_type: str) -> bytes:
    boundary = _header("Content-Type", content_type).get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise BadRequestError("the Content-Type of a multipart form needs a boundary")
    return boundary.encode("utf-8", "surrogateescape")


def _field(part: bytes) -> tuple[str, str] | None:
    """Return the name and value of one part, None for a file or a part without a name."""
    head, separator, content = part.lstrip(b" \t").partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"\r\n"):
        raise BadRequestError("a part of the multipart form has no headers")
    for line in head.decode().split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() != "content-disposition":
            continue
        disposition = _header("Content-Disposition", value.strip())
        field = disposition.get_param("name", header="Content-Disposition")
        if not isinstance(field, str) or disposition.get_filename() is not None:
            return None
        return field, content.decode()
    return None


def _header(name: str, value: str) -> Message:
    message = Message()
    message[name] = value
    return message
