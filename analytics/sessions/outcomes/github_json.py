"""Reads pull requests, reviews and commits from GitHub's JSON.

Accepts the answers of the REST API (lists and single objects) and the payloads of webhooks.

Source: docs.github.com, "REST API endpoints for pull requests" and "Webhook events and
payloads"; "Validating webhook deliveries" for the signature.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import Any, Final

from analytics.sessions.traces.values import Json, count_at, object_at, text_at, time_at
from storage.api.agent_sessions.outcomes import OutcomeKind, WorkOutcome

_REPOSITORY: Final = re.compile(r"/(?:repos/)?([\w.-]+/[\w.-]+)/(?:pulls?|commits?|git/commits)/")
_PREFIX: Final = "sha256="


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Report whether a webhook's signature is the one of its body."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"{_PREFIX}{expected}".encode(), signature.encode())


def outcomes_in(document: Any, repository: str = "") -> list[WorkOutcome]:
    """Return the outcomes of a document; what is none of them is passed over.

    Args:
        document: an answer of the API, a webhook's payload, or a list of them.
        repository: `owner/name`, for objects that do not say it.
    """
    if isinstance(document, list):
        return [one for each in document for one in outcomes_in(each, repository)]
    if not isinstance(document, dict):
        return []
    return list(_outcomes(document, repository))


def _outcomes(document: Json, repository: str) -> Iterator[WorkOutcome]:
    own = text_at(object_at(document, "repository"), "full_name") or repository
    pull, review = object_at(document, "pull_request"), object_at(document, "review")
    if review:
        yield from _one(_review(review, pull, own))
    if pull:
        # A payload of a webhook; its action says what a single object cannot.
        yield from _one(_pull(pull, own, reopened=document.get("action") == "reopened"))
        return
    commits = document.get("commits")
    if isinstance(commits, list) and own:
        for commit in commits:
            if isinstance(commit, dict):
                yield from _one(_commit(commit, own))
        return
    if text_at(document, "sha"):
        yield from _one(_commit(document, own))
    elif "number" in document and ("merged_at" in document or "head" in document):
        yield from _one(_pull(document, own))
    elif "submitted_at" in document and "state" in document:
        yield from _one(_review(document, {}, own))


def _one(outcome: WorkOutcome | None) -> Iterator[WorkOutcome]:
    if outcome is not None:
        yield outcome


def _pull(pull: Json, repository: str, *, reopened: bool = False) -> WorkOutcome | None:
    base = object_at(object_at(pull, "base"), "repo")
    own = text_at(base, "full_name") or repository or _repository_of(pull)
    number, time_ms = count_at(pull, "number"), time_at(pull, "created_at")
    if not own or not number or time_ms is None:
        return None
    merged_ms, closed_ms = time_at(pull, "merged_at"), time_at(pull, "closed_at")
    ended_ms = merged_ms if merged_ms is not None else closed_ms
    state = "merged" if merged_ms is not None else text_at(pull, "state").lower()
    return WorkOutcome(
        kind=OutcomeKind.PULL_REQUEST,
        key=f"pull:{own}:{number}",
        repository=own,
        time_ms=time_ms,
        number=number,
        author=text_at(object_at(pull, "user"), "login") or text_at(pull, "author"),
        commit_id=text_at(pull, "merge_commit_sha"),
        state=state,
        title=text_at(pull, "title"),
        ended_ms=ended_ms,
        updated_ms=time_at(pull, "updated_at") or ended_ms or time_ms,
        lines_added=count_at(pull, "additions"),
        lines_removed=count_at(pull, "deletions"),
        is_reopened=reopened or pull.get("reopened") in (True, 1),
    )


def _review(review: Json, pull: Json, repository: str) -> WorkOutcome | None:
    own = repository or _repository_of(review) or _repository_of(pull)
    url = text_at(review, "pull_request_url", "html_url")
    found = re.search(r"/pulls?/(\d{1,9})", url)
    number = count_at(pull, "number") or (int(found.group(1)) if found else 0)
    time_ms, key = time_at(review, "submitted_at"), text_at(review, "id")
    if not own or not number or time_ms is None or not key:
        return None
    return WorkOutcome(
        kind=OutcomeKind.REVIEW,
        key=f"review:{own}:{key}",
        repository=own,
        time_ms=time_ms,
        number=number,
        author=text_at(object_at(review, "user"), "login"),
        commit_id=text_at(review, "commit_id"),
        state=text_at(review, "state").lower(),
        updated_ms=time_ms,
    )


def _commit(commit: Json, repository: str) -> WorkOutcome | None:
    commit_id = text_at(commit, "sha", "id")
    inner = object_at(commit, "commit")
    author = object_at(inner, "author") or object_at(commit, "author")
    time_ms = time_at(author, "date") or time_at(commit, "timestamp")
    own = repository or _repository_of(commit)
    if not commit_id or not own or time_ms is None:
        return None
    message = text_at(inner, "message") or text_at(commit, "message")
    stats = object_at(commit, "stats")
    login = text_at(object_at(commit, "author"), "login", "username")
    email = text_at(author, "email")
    return WorkOutcome(
        kind=OutcomeKind.COMMIT,
        key=f"commit:{own}:{commit_id}",
        repository=own,
        time_ms=time_ms,
        author=login or email or text_at(author, "name"),
        author_email=email,
        commit_id=commit_id,
        title=message.partition("\n")[0],
        updated_ms=time_ms,
        lines_added=count_at(stats, "additions"),
        lines_removed=count_at(stats, "deletions"),
    )


def _repository_of(document: Json) -> str:
    for name in ("url", "html_url", "pull_request_url"):
        found = _REPOSITORY.search(text_at(document, name))
        if found:
            return found.group(1)
    return ""
