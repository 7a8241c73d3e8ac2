"""Abusive clients in a process of their own: `python -m …attack_process --attack KIND=COUNT`.

When it ends, it prints what the server answered: a count for each kind and answer.
"""

import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.harness.attacks.kinds import KINDS, Attack, Attacker
from benchmarks.harness.processes import Child

_TOKENS = "REDSHANK_BENCH_TOKENS"
_PAUSE_S = 0.2


class Attackers(Child):
    """Abusive clients that run while a `with` block runs, or until `wait_seen` returns.

    Args:
        name: names the log.
        counts: how many clients of each kind.
        listen: `HOST:PORT` of the server.
        tokens: the clients take turns in using them.
        seconds: how long they go on.
        log_directory: where the log goes.
    """

    def __init__(
        self,
        name: str,
        counts: Mapping[str, int],
        listen: str,
        tokens: Sequence[str],
        seconds: float,
        log_directory: Path,
    ) -> None:
        command = [sys.executable, "-m", __name__, "--listen", listen, "--seconds", f"{seconds:g}"]
        for kind, count in counts.items():
            command += ["--attack", f"{kind}={count}"]
        # Tokens are no arguments: other users of the machine can read those.
        variables = {_TOKENS: json.dumps(list(tokens))}
        super().__init__(name, command, log_directory, variables=variables)

    def wait_seen(self) -> dict[str, dict[str, int]]:
        """Wait until the clients have ended; return the answers that each kind got."""
        self.wait_success()
        seen: dict[str, dict[str, int]] = json.loads(self.log().splitlines()[-1])
        return seen


async def attack(
    counts: Mapping[str, int], listen: str, tokens: Sequence[str], seconds: float
) -> dict[str, Counter[str]]:
    """Run the clients for some seconds; return the answers that each kind got."""
    host, _, port = listen.rpartition(":")
    clients: list[tuple[str, Attacker]] = []
    for kind, count in counts.items():
        for _ in range(count):
            number = len(clients)
            token = tokens[number % len(tokens)] if tokens else ""
            clients.append((kind, Attacker(number, host, int(port), token)))
    end_s = asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(end_s), asyncio.TaskGroup() as tasks:
            for kind, client in clients:
                tasks.create_task(_repeat(KINDS[kind], client, end_s))
    except TimeoutError:
        pass
    seen: dict[str, Counter[str]] = {kind: Counter() for kind in counts}
    for kind, client in clients:
        seen[kind] += client.seen
    return seen


async def _repeat(work: Attack, attacker: Attacker, end_s: float) -> None:
    """Repeat one client's work; a refusal or a dead server only makes it pause.

    A client's library may answer the cancellation at the end with an error of its own, so
    that the time ends the loop too.
    """
    loop = asyncio.get_running_loop()
    while loop.time() < end_s:
        try:
            await work(attacker)
        except Exception as exc:  # noqa: BLE001 - whatever the client's library raises
            attacker.seen[type(exc).__name__] += 1
        await asyncio.sleep(_PAUSE_S)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run abusive clients for some seconds; print the answers that they got as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--attack", action="append", required=True, metavar="KIND=COUNT")
    options = parser.parse_args(arguments)
    counts = {kind: int(count) for kind, count in (one.split("=") for one in options.attack)}
    tokens = json.loads(os.environ.get(_TOKENS, "[]"))
    seen = asyncio.run(attack(counts, options.listen, tokens, options.seconds))
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
