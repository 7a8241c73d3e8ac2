"""Outcomes of the work: pull requests, reviews and commits."""

from dataclasses import dataclass
from enum import StrEnum


class OutcomeKind(StrEnum):
    """The kind of an outcome."""

    PULL_REQUEST = "pull_request"
    REVIEW = "review"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOutcome:
    """A pull request, a review or a commit; a later record with the same key replaces it.

    Attributes:
        key: identifies it: kind, repository and number, id or commit id.
        repository: `owner/name`.
        number: of the pull request; 0 for a commit without one.
        author: the login of the person; of a commit without one, the address or the name.
        author_email: the address in a commit, "" where none is known.
        commit_id: of a commit; of a merge for a pull request.
        state: `open`, `closed` or `merged`; of a review, its verdict.
        time_ms: when it was created.
        ended_ms: when a pull request was merged or closed.
        updated_ms: when it last changed; an older record does not replace a newer one.
        lines_added, lines_removed: its size.
        is_reopened: whether a pull request was opened again.
    """

    kind: OutcomeKind
    key: str
    repository: str
    time_ms: int
    number: int = 0
    author: str = ""
    author_email: str = ""
    commit_id: str = ""
    state: str = ""
    title: str = ""
    ended_ms: int | None = None
    updated_ms: int = 0
    lines_added: int = 0
    lines_removed: int = 0
    is_reopened: bool = False


@dataclass(frozen=True, slots=True)
class PullMark:
    """How far a list of a repository has been pulled.

    Attributes:
        since_ms: the newest change that is stored.
        etag: what names the state of the list that was read; "" without one.
    """

    since_ms: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret that outcomes need.

    Attributes:
        sealed: the encrypted secret; the store does not have the key.
        set_ms: when it was set.
    """

    sealed: str
    set_ms: int
