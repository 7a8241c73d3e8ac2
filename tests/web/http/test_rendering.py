import pytest
from jinja2 import Environment

from web.http.assets import Assets
from web.http.rendering import Renderer

TEMPLATES: Environment = Renderer.templates(Assets.read())


@pytest.mark.parametrize("name", TEMPLATES.list_templates(extensions=["html"]))
def test_a_template_compiles(name: str) -> None:
    assert TEMPLATES.get_template(name).filename
