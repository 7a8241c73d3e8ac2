from benchmarks.harness.targets import target_address


def test_every_address_is_loopback_and_differs() -> None:
    addresses = [target_address(number) for number in range(2_000)]
    assert len(set(addresses)) == 2_000
    assert all(address.startswith("127.0.") for address in addresses)
    assert addresses[-1] == "127.0.7.250"
