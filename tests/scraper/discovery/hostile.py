"""Answers of an API with members replaced by values of any type."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from scraper.discovery.engine import api
from scraper.discovery.engine.api import ApiAnswer, ApiRequest, ApiStatusError
from scraper.discovery.engine.polling import Lookup
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_session import HttpSession

_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just([]), st.just({})
)


def hostile(sample: Any) -> st.SearchStrategy[Any]:
    """Return variants of a sample, most of them close to it."""
    match sample:
        case dict():
            inner = {key: st.one_of(hostile(item), _VALUES) for key, item in sample.items()}
            return st.fixed_dictionaries({}, optional=inner)
        case [first, *_]:
            return st.one_of(st.lists(hostile(first), max_size=2), _VALUES)
    return st.one_of(st.just(sample), st.just(sample), _VALUES)


def check_hostile_answers(lookup: Lookup, samples: Mapping[str, Any]) -> None:
    """Check that any answers give targets or a DiscoveryError.

    Args:
        lookup: asks a server by `engine.api.get`.
        samples: a valid answer of each path.
    """
    headers = CIMultiDictProxy(CIMultiDict[str]())

    @settings(max_examples=100, deadline=None)
    @given(st.fixed_dictionaries({path: hostile(sample) for path, sample in samples.items()}))
    def check(answers: dict[str, Any]) -> None:
        async def answer(_: HttpSession, wanted: ApiRequest) -> ApiAnswer:
            path = urlsplit(wanted.url).path
            if path not in answers:
                raise ApiStatusError(404, "")
            body = json.dumps(answers[path]).encode("utf-8", "replace")
            return ApiAnswer(200, headers, body)

        with suppress(DiscoveryError), patch.object(api, "request", answer):
            for group in asyncio.run(lookup.groups(HttpSession())):
                assert all(isinstance(text, str) for pair in group.labels for text in pair)

    check()
