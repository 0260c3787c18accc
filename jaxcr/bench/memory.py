"""Benchmarks of memory: the peak of a process that averages over many orbits."""

from collections.abc import Iterator

from jaxcr.bench.rows import Effort, Row
from jaxcr.bench.startup import child
from jaxcr.bench.timing import measured


def memory(effort: Effort) -> Iterator[Row]:
    """Yield the largest resident memory by the number of orbits; it does not grow with them."""
    peak = child("imports")["megabytes"]
    yield Row(
        "memory: import alone", "peak resident size of a fresh process that traces nothing",
        measured([peak]), "MB", "", False,
    )  # fmt: skip
    for num in effort.choose((2000,), (10_000, 100_000), (10_000, 100_000, 1_000_000)):
        peaks = [child("averages", str(num))["megabytes"] for _ in range(effort.choose(1, 1, 3))]
        yield Row(
            f"memory: averages over {num:,} orbits",
            "peak resident size of a fresh process: 32³ cells, orbits of 10 cells, in chunks of "
            "4,096",
            measured(peaks), "MB", "", False,
        )  # fmt: skip
