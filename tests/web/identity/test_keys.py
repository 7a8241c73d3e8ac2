import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from web.identity.keys import MOST_VERIFIED, KeyRing, KeysError, VerifiedTokens

NOW_MS = 1_763_820_000_000
HOUR_MS = 3_600_000
API = "the api"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["HS256", "none"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.open(tmp_path_factory.mktemp("keys") / "keys.json", NOW_MS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def key_in(path: Path) -> OctKey:
    return OctKey.import_key({"kty": "oct", "k": json.loads(path.read_text())["signing"][0]["k"]})


def kid_in(path: Path) -> str:
    return str(json.loads(path.read_text())["signing"][0]["kid"])


def test_keys_outlive_the_process_and_are_for_their_owner_only(path: Path) -> None:
    first = KeyRing.open(path, NOW_MS)
    token, sealed = first.sign({"sub": "ann"}, API, NOW_MS, 60), first.seal("x", "secret")
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    again = KeyRing.open(path, NOW_MS)
    assert path.stat().st_mode & 0o777 == 0o600
    claims = again.claims(token, API, NOW_MS)
    assert claims is not None
    assert claims["sub"] == "ann"
    assert again.unseal("x", sealed) == "secret"


def test_no_two_servers_share_keys(tmp_path: Path) -> None:
    one, other = (KeyRing.open(tmp_path / name, NOW_MS) for name in "ab")
    assert other.claims(one.sign({}, API, NOW_MS, 60), API, NOW_MS) is None
    with pytest.raises(KeysError):
        other.unseal("x", one.seal("x", "secret"))


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format":1,"signing":[],"sealing":"a"}'])
def test_damaged_file_is_an_error_that_shows_nothing_of_it(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(KeysError, match="is damaged") as raised:
        KeyRing.open(path, NOW_MS)
    assert content == "" or content not in str(raised.value)
    assert path.read_text() == content


def test_token_ends_with_its_time_and_is_for_one_audience(path: Path) -> None:
    keys = KeyRing.open(path, NOW_MS)
    token = keys.sign({"sub": "ann"}, API, NOW_MS, 60)
    assert keys.claims(token, API, NOW_MS + 59_000) is not None
    assert keys.claims(token, API, NOW_MS + 61_000) is None
    assert keys.claims(token, "another", NOW_MS) is None


def test_rotation_keeps_tokens_of_the_old_key_for_the_overlap(path: Path) -> None:
    keys = KeyRing.open(path, NOW_MS)
    old = keys.sign({}, API, NOW_MS, 7200)
    keys.rotate(NOW_MS, HOUR_MS)
    new = keys.sign({}, API, NOW_MS, 7200)
    for ring in (keys, KeyRing.open(path, NOW_MS)):
        assert ring.claims(old, API, NOW_MS + HOUR_MS - 1) is not None
        assert ring.claims(old, API, NOW_MS + HOUR_MS) is None
        assert ring.claims(new, API, NOW_MS + HOUR_MS) is not None
    keys.rotate(NOW_MS + 2 * HOUR_MS, HOUR_MS)
    assert len(json.loads(path.read_text())["signing"]) == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_rotation_at_once_ends_every_token_and_opens_what_was_sealed(path: Path) -> None:
    keys = KeyRing.open(path, NOW_MS)
    token, sealed = keys.sign({}, API, NOW_MS, 60), keys.seal("x", "secret")
    keys.rotate(NOW_MS, 0)
    assert keys.claims(token, API, NOW_MS) is None
    assert keys.unseal("x", sealed) == "secret"


def test_what_was_verified_before_ends_as_anything_else(path: Path) -> None:
    keys = KeyRing.open(path, NOW_MS)
    token = keys.sign({"sub": "ann"}, API, NOW_MS, 3600)

    def is_good(now_ms: int, audience: str = API) -> bool:
        return keys.claims(token, audience, now_ms) is not None

    # Twice each: the second time the token is in the cache.
    assert [is_good(NOW_MS), is_good(NOW_MS)] == [True, True]
    assert not is_good(NOW_MS, "another")
    assert not is_good(NOW_MS + HOUR_MS + 1000)
    assert not is_good(NOW_MS - HOUR_MS)
    keys.rotate(NOW_MS, HOUR_MS // 2)
    assert [is_good(NOW_MS), is_good(NOW_MS)] == [True, True]
    assert not is_good(NOW_MS + HOUR_MS // 2)
    keys.rotate(NOW_MS, 0)
    assert not is_good(NOW_MS)


def test_few_verified_tokens_are_remembered() -> None:
    tokens = VerifiedTokens()
    for number in range(MOST_VERIFIED + 1):
        tokens.put(str(number), API, {"n": number}, NOW_MS, NOW_MS + 1)
    assert tokens.get("0", API, NOW_MS) is None
    assert tokens.get(str(MOST_VERIFIED), API, NOW_MS) == {"n": MOST_VERIFIED}


def test_sealed_text_opens_for_its_purpose_only(shared: KeyRing) -> None:
    sealed = shared.seal("user 1", "secret")
    assert "secret" not in sealed
    assert sealed != shared.seal("user 1", "secret")
    for wrong in ("user 2", ""):
        with pytest.raises(KeysError):
            shared.unseal(wrong, sealed)
    with pytest.raises(KeysError):
        shared.unseal("user 1", sealed[:-4] + "AAAA")


def unsigned(header: object, claims: object) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def test_forged_tokens_are_refused(path: Path) -> None:
    keys = KeyRing.open(path, NOW_MS)
    good = {"iss": "redshank", "aud": API, "sub": "admin", "exp": NOW_MS // 1000 + 60}
    kid, key = kid_in(path), key_in(path)
    header = {"alg": "HS256", "kid": kid}
    assert keys.claims(jwt.encode(header, good, key), API, NOW_MS) is not None
    rsa = RSAKey.generate_key(2048)
    forged = [
        unsigned({"alg": "none", "kid": kid}, good),
        jwt.encode({"alg": "HS512", "kid": kid}, good, key, algorithms=["HS512"]),
        jwt.encode({"alg": "RS256", "kid": kid}, good, rsa, algorithms=["RS256"]),
        jwt.encode(header, good, OctKey.generate_key(256)),
        jwt.encode({"alg": "HS256"}, good, key),
        jwt.encode(header | {"kid": "other"}, good, key),
        jwt.encode(header, good | {"iss": "somebody"}, key),
        jwt.encode(header, {k: v for k, v in good.items() if k != "exp"}, key),
        jwt.encode(header, good | {"padding": "x" * 5000}, key),
    ]
    for token in forged:
        assert keys.claims(token, API, NOW_MS) is None


@settings(deadline=None)
@given(
    st.text()
    | st.builds("{}.{}.{}".format, st.text(), st.text(), st.text())
    | st.builds(
        unsigned,
        st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64"]), JSON)
        | st.lists(st.integers())
        | st.none(),
        st.none() | st.lists(st.integers()) | st.dictionaries(st.text(), st.integers()),
    )
)
def test_no_token_that_was_made_up_is_an_error(shared: KeyRing, token: str) -> None:
    assert shared.claims(token, API, NOW_MS) is None


@settings(deadline=None)
@given(st.integers(min_value=0), st.characters())
def test_changed_token_is_refused(shared: KeyRing, place: int, change: str) -> None:
    token = shared.sign({"sub": "ann"}, API, NOW_MS, 60)
    # But for the very last character, of which base64 leaves two bits unused.
    place %= len(token) - 1
    altered = token[:place] + change + token[place + 1 :]
    if altered != token:
        assert shared.claims(altered, API, NOW_MS) is None


@settings(deadline=None)
@given(st.text(), st.text())
def test_seal_round_trip(shared: KeyRing, purpose: str, text: str) -> None:
    assert shared.unseal(purpose, shared.seal(purpose, text)) == text


@settings(deadline=None)
@given(st.text())
def test_no_sealed_text_that_was_made_up_opens(shared: KeyRing, sealed: str) -> None:
    with pytest.raises(KeysError):
        shared.unseal("x", sealed)
