"""The frame around every page."""

from model.conditions import DISK_SLOW, SAMPLES_UNWRITABLE
from tests.web.world import World


async def test_every_page_has_a_banner_while_a_condition_holds(world: World) -> None:
    assert 'id="conditions" class="conditions" data-region role="alert" hidden' in (
        await world.page("/explore")
    )
    world.services.conditions.set(SAMPLES_UNWRITABLE, "journal.db: <full>")
    world.services.conditions.set(DISK_SLOW)
    for path in ("/", "/alerts", "/explore", "/targets", "/account"):
        text = await world.page(path)
        assert "<strong>The server cannot write samples to its disk</strong>" in text
        assert "journal.db: &lt;full&gt;" in text
        assert "Free space on the disk of the data directory" in text
        assert "takes seconds for each write" in text
