from scraper.exposition.interning import BytesInterner
from scraper.exposition.skeleton import BodySkeleton

BODY = b"a 1\nb 2\nc 3\n"


def test_equal_strings_are_stored_once() -> None:
    interner = BytesInterner()
    (first,) = interner.intern([b"%s" % b"kept"])
    (second,) = interner.intern([b"%s" % b"kept"])
    assert second is first


def test_unused_strings_are_removed() -> None:
    interner = BytesInterner()
    kept = interner.intern([b"kept"])
    for number in range(20_000):
        interner.intern([b"%d" % number])
    assert len(interner) <= 4096
    assert interner.intern([b"%s" % b"kept"])[0] is kept[0]


def test_skeletons_of_equal_bodies_share_their_strings() -> None:
    interner = BytesInterner()
    skeletons = [BodySkeleton(BODY, interner)]
    skeletons[0].value_tokens(b"a 7\nb 2\nc 8\n", [2, 2, 2])
    one = len(interner)
    for _ in range(3):
        skeletons.append(BodySkeleton(BODY, interner))
        skeletons[-1].value_tokens(b"a 7\nb 2\nc 8\n", [2, 2, 2])
    assert len(interner) == one > 0
