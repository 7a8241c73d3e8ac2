"""How long tests wait for what must happen: ends a test that hangs, says nothing about speed."""

from typing import Final

PATIENCE_S: Final = 120
