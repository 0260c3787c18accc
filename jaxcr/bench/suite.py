"""All benchmarks by name, and the loop that runs them."""

from collections.abc import Iterator, Sequence

from jaxcr.bench import chain, fields, gradients, harmonics, memory, orbits, scaling, startup
from jaxcr.bench.rows import Benchmark, Effort, NotMeasurableError, Row
from jaxcr.runtime import check_names

_ALL = (
    Benchmark("start", "import and help, in fresh processes", startup.start),
    Benchmark("interpolation", "a field at points; SciPy, interpax", fields.interpolation),
    Benchmark("synthesis", "turbulence by FFT, by grid size", fields.synthesis),
    Benchmark("steps", "steps of two schemes in two precisions", orbits.pushers),
    Benchmark("orbits", "orbits at one error; SciPy", orbits.solvers),
    Benchmark("particles", "orbits by their number N", scaling.particles),
    Benchmark("lanes", "orbits by the lanes W in flight", scaling.lanes),
    Benchmark("devices", "orbits by the local devices", scaling.devices),
    Benchmark("grid", "steps by grid size", scaling.grid),
    Benchmark("harmonics", "a map to C_l, by nside; healpy", harmonics.harmonics),
    Benchmark("chain", "steady states of trap chains; SciPy", chain.chain),
    Benchmark("gradients", "derivatives over plain runs; differences", gradients.gradients),
    Benchmark("compile", "compilation of the first sky, cache on disk", startup.first_sky),
    Benchmark("command", "jaxcr sky from end to end", startup.command),
    Benchmark("memory", "peak memory by the number of orbits", memory.memory),
)
BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}
"""By name, in the order in which they run."""


def select(names: Sequence[str]) -> list[Benchmark]:
    """Return the benchmarks of these names, all without any, in the order in which they run.

    Raises
    ------
    ValueError
        For a name that there is not.
    """
    check_names(names, BENCHMARKS, where="--only", listing="jaxcr bench --list")
    return [benchmark for name, benchmark in BENCHMARKS.items() if not names or name in names]


def run_rows(benchmarks: Sequence[Benchmark], effort: Effort) -> Iterator[Row | tuple[str, str]]:
    """Yield the rows one after the other; for a benchmark that cannot be made, name and reason."""
    for benchmark in benchmarks:
        try:
            yield from benchmark.run(effort)
        except NotMeasurableError as problem:
            yield benchmark.name, str(problem)
