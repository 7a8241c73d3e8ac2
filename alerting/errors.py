"""Every error that this package raises on purpose."""

from collections.abc import Iterable
from pathlib import Path


class AlertingError(Exception):
    """Base of them all."""


class TemplateError(AlertingError):
    """A label or annotation template is outside the supported subset."""

    def __init__(self, template: str, reason: str) -> None:
        super().__init__(f"template {template!r}: {reason}")
        self.template, self.reason = template, reason


class RuleFileError(AlertingError):
    """A rule file cannot be used; one line for each thing wrong.

    Attributes:
        problems: for each, (line, message); the message names group and rule, line 0
            where it has none.
    """

    def __init__(self, path: Path, problems: Iterable[tuple[int, str]]) -> None:
        self.path, self.problems = path, tuple(problems)
        super().__init__(
            "\n".join(
                f"{path}:{line}: {message}" if line else f"{path}: {message}"
                for line, message in self.problems
            )
        )


class RuleEvaluationError(AlertingError):
    """A rule's expression gave something that no alert or series can be made of."""


class BadOverrideError(AlertingError):
    """A host's own check settings make no sense; `field` says which one is at fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class UnknownReceiverError(AlertingError):
    """No receiver has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no receiver {name!r}")
        self.name = name


class DeliveryError(AlertingError):
    """A receiver did not take a notification; the message holds no secret of its URL.

    Attributes:
        retryable: False where the receiver said that it will never take this one.
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable
