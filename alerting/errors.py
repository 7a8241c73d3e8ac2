"""The errors that this package raises on purpose."""

from collections.abc import Iterable
from pathlib import Path


class AlertingError(Exception):
    """Base of every error of this package."""


class TemplateError(AlertingError):
    """A template is malformed or cannot be expanded; the message is Go's."""


class FileProblemsError(AlertingError):
    """A file is invalid; the message has one line for each problem.

    Attributes:
        problems: (line, message) of each problem; line 0 stands for the whole file.
    """

    def __init__(self, path: Path, problems: Iterable[tuple[int, str]]) -> None:
        self.path, self.problems = path, tuple(problems)
        super().__init__(
            "\n".join(
                f"{path}:{line}: {message}" if line else f"{path}: {message}"
                for line, message in self.problems
            )
        )


class RuleFileError(FileProblemsError):
    """A rule file is invalid; each message names group and rule."""


class RuleGroupError(AlertingError):
    """A rule group is invalid; the message has one line for each problem.

    Attributes:
        problems: (field, message) of each problem; a field such as `rules.0.expr`.
    """

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(message for _, message in self.problems))


class RoutingFileError(FileProblemsError):
    """An `alertmanager.yml` is invalid."""


class RuleEvaluationError(AlertingError):
    """The result of a rule's expression cannot be turned into alerts or series."""


class BacktestTooLargeError(AlertingError):
    """A back-test would take too long or too much memory; the message says how to shrink it."""


class BadOverrideError(AlertingError):
    """A check override is invalid; `field` names the field at fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class EscalationError(AlertingError):
    """The steps of `alerting.escalations` are invalid."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"alerting.escalations: {reason}")


class BadLinkError(AlertingError):
    """A link that acknowledges an alert is forged, has expired, or has been used."""


class UnknownReceiverError(AlertingError):
    """No receiver has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no receiver {name!r}")
        self.name = name


class DeliveryError(AlertingError):
    """A receiver did not accept a notification; the message shows no secret of its URL.

    Attributes:
        retryable: False if the receiver will never accept this notification.
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable
