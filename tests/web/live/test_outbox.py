import asyncio

from hypothesis import given
from hypothesis import strategies as st

from web.live.outbox import Outbox


async def test_messages_leave_in_the_order_of_arrival() -> None:
    outbox = Outbox()
    for body in (b"one", b"two"):
        assert outbox.put(body)
    assert [await outbox.next(), await outbox.next()] == [b"one", b"two"]


async def test_newer_state_replaces_an_older_one() -> None:
    outbox = Outbox()
    outbox.put(b"old", "cpu")
    outbox.put(b"event")
    outbox.put(b"new", "cpu")
    assert [await outbox.next(), await outbox.next()] == [b"new", b"event"]
    assert outbox.size_bytes == 0


async def test_reader_waits_for_a_message() -> None:
    outbox = Outbox()
    reading = asyncio.create_task(outbox.next())
    await asyncio.sleep(0)
    assert not reading.done()
    outbox.put(b"here")
    assert await reading == b"here"


async def test_dropped_key_is_not_sent() -> None:
    outbox = Outbox()
    outbox.put(b"gone", "cpu")
    outbox.put(b"kept")
    outbox.drop("cpu")
    outbox.drop("never there")
    assert await outbox.next() == b"kept"


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.binary(max_size=30))))
def test_outbox_stays_within_its_bounds(puts: list[tuple[str | None, bytes]]) -> None:
    outbox = Outbox(most_messages=5, most_bytes=60)
    for key, body in puts:
        before = (len(outbox), outbox.size_bytes)
        if not outbox.put(body, key):
            assert (len(outbox), outbox.size_bytes) == before
        assert len(outbox) <= 5
        assert outbox.size_bytes <= 60
