from pathlib import Path

import pytest

import web
from web.http.rendering import Resources

TEMPLATES = Resources().templates
FILES = sorted(Path(web.__file__).parent.glob("*/templates/**/*.html"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_template_compiles(path: Path) -> None:
    template = TEMPLATES.get_template(f"{path.parts[-3]}/{path.name}")
    assert template.filename == str(path)
