import gc
import weakref
from array import array
from typing import Any

import numpy as np
import pytest

from scraper.exposition.interning import ArrayInterner, BytesInterner
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
        interner.intern([b"%1000d" % number])
    assert len(interner) <= 1024
    assert interner.intern([b"%s" % b"kept"])[0] is kept[0]


def test_tidying_waits_for_an_eighth_of_the_bytes_in_use() -> None:
    interner = BytesInterner()
    kept = interner.intern([b"%060000d" % number for number in range(100)])
    interner.intern([b"%060000d" % number for number in range(100, 110)])
    interner.tidy()
    assert len(interner) == 110
    interner.intern([b"%060000d" % number for number in range(110, 115)])
    interner.tidy()
    assert len(interner) == len(kept) == 100


def test_skeletons_of_equal_bodies_share_their_strings() -> None:
    interner = BytesInterner()
    skeletons = [BodySkeleton(BODY, interner)]
    skeletons[0].value_tokens(b"a 7\nb 2\nc 8\n", [2, 2, 2])
    one = len(interner)
    for _ in range(3):
        skeletons.append(BodySkeleton(BODY, interner))
        skeletons[-1].value_tokens(b"a 7\nb 2\nc 8\n", [2, 2, 2])
    assert len(interner) == one > 0


def test_strings_of_the_first_bodies_are_removed_once_cuts_are_rare() -> None:
    count = 100
    body = b"".join(b"m%d_%s 1\n" % (number, b"x" * 100) for number in range(count))
    value_at = [len(line) - 1 for line in body.splitlines()]
    interner = BytesInterner()
    skeletons = [BodySkeleton(body, interner) for _ in range(2)]
    for number in range(16):
        body = body.replace(b"m%d_%s 1" % (number, b"x" * 100), b"m%d_%s 2" % (number, b"x" * 100))
        for skeleton in skeletons:
            assert skeleton.value_tokens(body, value_at) is not None
            skeleton.update(np.full(len(skeleton.variable), float(number)))
    assert len(interner) <= len(set(skeletons[0]._pieces)) + 2
    pairs = zip(skeletons[0]._pieces, skeletons[1]._pieces, strict=True)
    assert all(one is other for one, other in pairs)


def test_large_pieces_are_shared() -> None:
    body = BODY + b"constant 1\n" * 2_000
    interner = BytesInterner()
    skeletons = [BodySkeleton(body, interner) for _ in range(2)]
    for skeleton in skeletons:
        skeleton.value_tokens(body.replace(b"a 1", b"a 7"), [2, 2, 2] + [9] * 2_000)
    assert skeletons[0]._pieces[-1] is skeletons[1]._pieces[-1]


def test_equal_arrays_are_stored_once_and_only_while_referenced() -> None:
    interner = ArrayInterner()

    def interned() -> weakref.ref[Any]:
        # In a frame of its own: an assertion keeps what it has compared.
        codes = interner.codes(np.array([1, 2, 3], np.int32))
        assert interner.codes(np.array([1, 2, 3], np.int32)) is codes
        assert interner.codes(np.array([1, 2], np.int32)) is not codes
        return weakref.ref(codes)

    former = interned()
    offsets = interner.offsets([7, 0, 9])
    assert interner.offsets([7, 0, 9]) is offsets
    gc.collect()
    assert former() is None


def test_an_array_with_the_hash_of_another_one_stays_itself() -> None:
    interner = ArrayInterner()
    other = array("i", [1])
    interner._offsets[hash(array("i", [2]).tobytes())] = other
    assert interner.offsets([2]) == array("i", [2])


def test_interned_codes_cannot_be_changed() -> None:
    codes = ArrayInterner().codes(np.array([1], np.int32))
    with pytest.raises(ValueError, match="read-only"):
        codes[0] = 2
