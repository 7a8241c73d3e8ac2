"""The pages of projects: tests begin at the list of them."""

import pytest


@pytest.fixture
def first_page() -> str:
    return "/projects"
