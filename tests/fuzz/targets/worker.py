"""One fuzz target under atheris, in a process of its own, because libFuzzer ends the process.

An unexpected error does not end the campaign: the first input for each place that raises is
kept, and fuzzing goes on. An input that takes too long or too much memory does end it;
libFuzzer keeps that input.
"""

import argparse
import hashlib
import sys
import traceback
from pathlib import Path

import atheris

_PACKAGES = ["model", "storage", "promql", "scraper", "ingest", "alerting", "web", "daemon"]
# Wall-clock time: a campaign may run at low priority beside other work.
_LONGEST_INPUT_S = 60
_MOST_MEMORY_MB = 2048


def place_of(error: BaseException) -> str:
    """Return the type of an error and the two innermost lines that raised it."""
    frames = traceback.extract_tb(error.__traceback__)[-2:]
    return " < ".join(
        [type(error).__name__]
        + [f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames)]
    )


def main() -> None:
    """Fuzz one target; exits as libFuzzer does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--corpus", type=Path, required=True, help="seeds, only read")
    parser.add_argument("--work", type=Path, required=True, help="new inputs and crashes")
    parser.add_argument("--seconds", type=int, required=True)
    options = parser.parse_args()
    with atheris.instrument_imports(include=_PACKAGES):
        from tests.fuzz.targets.registry import TARGETS
    target = TARGETS[options.name]
    found, crashes = options.work / "found", options.work / "crashes"
    for directory in (found, crashes):
        directory.mkdir(parents=True, exist_ok=True)
    dictionary = options.work / "words"
    # libFuzzer refuses an empty dictionary.
    words = target.words or ("\0",)
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in words))
    seen: set[str] = set()

    def run(data: bytes) -> None:
        try:
            target.run(data)
        except Exception as exc:  # noqa: BLE001 — every error is a finding
            place = place_of(exc)
            if place not in seen:
                seen.add(place)
                name = hashlib.sha256(data).hexdigest()[:16]
                (crashes / name).write_bytes(data)
                (crashes / f"{name}.txt").write_text(f"{place}\n{traceback.format_exc()}")
                sys.stderr.write(f"FOUND {name} {place}\n")
                sys.stderr.flush()

    atheris.Setup(
        [
            sys.argv[0],
            str(found),
            str(options.corpus),
            f"-dict={dictionary}",
            f"-max_len={target.longest}",
            f"-max_total_time={options.seconds}",
            f"-timeout={_LONGEST_INPUT_S}",
            f"-rss_limit_mb={_MOST_MEMORY_MB}",
            f"-artifact_prefix={crashes}/",
            "-print_final_stats=1",
            "-close_fd_mask=1",
        ],
        run,
    )
    atheris.Fuzz()


def _escaped(word: str) -> str:
    """Return a word in the notation of libFuzzer's dictionaries."""
    raw = word.encode("latin-1") if max(word) < "\u0100" else word.encode()
    return "".join(f"\\x{byte:02X}" for byte in raw)


if __name__ == "__main__":
    main()
