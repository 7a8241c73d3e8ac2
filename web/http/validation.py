"""Messages for the validation errors of pydantic, one for each field."""

from pydantic import ValidationError


def field_errors(exc: ValidationError) -> dict[str, str]:
    """Return the first error message of each invalid field."""
    found: dict[str, str] = {}
    for error in exc.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in error["loc"])
        found.setdefault(name, error["msg"].removeprefix("Value error, "))
    return found


def first_field_error(exc: ValidationError) -> tuple[str, str]:
    """Return the first invalid field ("" for the whole body) and its message."""
    return next(iter(field_errors(exc).items()))
