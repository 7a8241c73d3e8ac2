"""Secrets in files: read at each notification, so that a rotated one counts at once."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from alerting.errors import DeliveryError

_MOST_BYTES = 65_536
_SUFFIX = "_file"
# Files of certificates: TLS reads them itself.
_KEPT = frozenset({"ca_file", "cert_file", "key_file"})
# The HTTP client reads its files itself.
_SKIPPED = frozenset({"http_config"})


def with_secrets(section: Any, folder: Path) -> Any:
    """Return a section with the content of its `…_file` settings; reads files.

    Args:
        section: the settings of a receiver, or a part of them.
        folder: what relative paths start from.

    Raises:
        DeliveryError: a file cannot be read.
    """
    changed: dict[str, Any] = {}
    for name in type(section).model_fields:
        if name in _SKIPPED:
            continue
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            changed[name] = with_secrets(value, folder)
        elif name.endswith(_SUFFIX) and name not in _KEPT and value:
            changed[name.removesuffix(_SUFFIX)] = _content(name, folder / value)
    return section.model_copy(update=changed)


def _content(name: str, file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(_MOST_BYTES).strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise DeliveryError(f"{name} cannot be read: {type(exc).__name__}") from None
