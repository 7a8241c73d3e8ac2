"""The numbers of runs and chunks, and the keys of pieces.

The number of a run is made of a sequence number and its level of merging. The number of a
chunk is made of its run and its place in the run, the key of a piece of its chunk and its
metric.
"""

# The level of a run is the number of times that its chunks were merged.
LEVELS = 3
SEALED, HOURS, DAYS = range(LEVELS)

# The key of a piece is run, metric and place in one integer (24 + 19 + 20 bits), so that
# SQLite's own table order clusters the pieces.
LEVEL_BITS = 2
_METRIC_BITS = 19
PLACE_BITS = 20
RUN_SHIFT = _METRIC_BITS + PLACE_BITS
MOST_METRICS = 1 << _METRIC_BITS
MOST_CHUNKS = 1 << PLACE_BITS
MOST_RUNS = 1 << 24


def run_number(sequence: int, level: int) -> int:
    """Return the number of a run with this sequence number and level."""
    return sequence << LEVEL_BITS | level


def level_of(run: int) -> int:
    """Return the level of a run."""
    return run & ((1 << LEVEL_BITS) - 1)


def sequence_of(run: int) -> int:
    """Return the sequence number of a run."""
    return run >> LEVEL_BITS


def chunk_number(run: int, place: int) -> int:
    """Return the number of the chunk at a place in a run."""
    return run << PLACE_BITS | place


def piece_key(chunk: int, metric_id: int) -> int:
    """Return the key of a chunk's piece of one metric."""
    run, place = chunk >> PLACE_BITS, chunk & (MOST_CHUNKS - 1)
    return run << RUN_SHIFT | metric_id << PLACE_BITS | place


def keys_of(run: int) -> tuple[int, int]:
    """Return the first key of a run's pieces, and the first key after them."""
    return run << RUN_SHIFT, (run + 1) << RUN_SHIFT


def chunks_of(run: int) -> tuple[int, int]:
    """Return the first and the last number of a run's chunks."""
    return chunk_number(run, 0), chunk_number(run, MOST_CHUNKS - 1)


def table_of(run: int) -> str:
    """Return the table of a run's pieces."""
    return f"pieces_{level_of(run)}"
