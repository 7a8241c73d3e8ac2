"""Messages for the validation errors of pydantic, one for each field."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_WHOLE: Final = "must be a whole number"
_NUMBER: Final = "must be a number"
MESSAGES: Final[Mapping[str, str]] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_type": _WHOLE,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
}
"""Messages by the type of the error. The other messages of pydantic lose their subject only."""

_SUBJECT: Final = re.compile(r"^(?:Input|String|List|Dictionary|Value|Decimal input) should ")


def field_errors(exc: ValidationError) -> dict[str, str]:
    """Return the first error message of each invalid field."""
    found: dict[str, str] = {}
    for error in exc.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in error["loc"])
        found.setdefault(name, _message(error))
    return found


def _message(error: "ErrorDetails") -> str:
    """Return what a field must be, as a reader of a form or an answer needs it."""
    if error["type"] == "string_too_short" and error["ctx"]["min_length"] == 1:
        return "must not be empty"
    known = MESSAGES.get(error["type"])
    return known or _SUBJECT.sub("must ", error["msg"].removeprefix("Value error, "))


def first_field_error(exc: ValidationError) -> tuple[str, str]:
    """Return the first invalid field ("" for the whole body) and its message."""
    return next(iter(field_errors(exc).items()))
