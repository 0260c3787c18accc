"""Descriptions of the benchmarks."""

from generate.descriptions import Description
from generate.markdown import number, table, with_error


def _chains(data: dict) -> list[str]:
    """Return times of a chain and ratios to the loop."""
    rows = [
        ("SciPy's banded solver in a loop, float64", data["banded_loop_us"], "1"),
        ("jaxcr, float64", data["float64_us"], data["float64_over_loop"]),
        ("jaxcr, float32", data["float32_us"], data["float32_over_loop"]),
    ]
    return [
        table(("way", "µs a chain", "chains per second over the loop"), rows),
        f"With both derivatives: {number(data['float64_with_two_derivatives_us'])} µs, "
        f"{number(data['float64_derivatives_over_differences'])} times as many as by central "
        f"differences of the loop. One chain of a million traps: "
        f"{number(data['million_sites_s'])} s.",
    ]


def _crpropa(data: dict) -> list[str]:
    """Return speeds of both codes, errors, and ratios."""
    rows = [
        (x["job"], x["code"], x["way"], f"{with_error(x['value'], x['spread'])} {x['unit']}",
         "—" if x["error"] is None else x["error"],
         "" if x["code"] == "CRPropa" else with_error(x["over_crpropa"], x["spread_of_ratio"]))
        for x in data["rows"]
    ]  # fmt: skip
    header = ("job", "code", "way", "speed or time", "error", "jaxcr over CRPropa")
    return [table(header, rows), f"CRPropa {data['crpropa']}, {data['repeats']} repeats."]


def _energy(data: dict) -> list[str]:
    """Return energy deviations of each scheme."""
    keys = ("scheme", "gyrations", "mean_energy_deviation", "largest_energy_deviation",
            "steps_per_gyration", "seconds")  # fmt: skip
    header = ("scheme", "gyrations", "mean deviation", "largest", "steps per gyration",
              "seconds, 16 orbits")  # fmt: skip
    return [table(header, [[x[key] for key in keys] for x in data["rows"]])]


def _fields(data: dict) -> list[str]:
    """Return nanoseconds for each field, beside SciPy."""
    rows = [
        (x["field"], x["points"], x["nanoseconds"], x.get("scipy_nanoseconds", ""),
         x.get("scipy_over_jaxcr", ""))
        for x in data["rows"]
    ]  # fmt: skip
    grid = data["realise_grid"]
    return [
        table(("field", "points", "ns a point", "SciPy, ns", "SciPy over jaxcr"), rows),
        f"`realise_grid` of {data['cells']}³ cells: {number(grid['seconds'])} s, "
        f"{number(grid['peak_bytes'] / 1e9)} GB at most.",
    ]


def _isotropic(data: dict) -> list[str]:
    """Return times of bands and ratios to the healpy loop."""
    rows = [
        (f"nside {x['nside']}, lmax {x['lmax']}, {number(x['skies'])} skies",
         x["declination_mean_removed"], x["wall_s"], x["ratio_wall"], x["ratio_processor"])
        for x in data["bands"]
    ]  # fmt: skip
    return [table(("job", "declination means removed", "s", "faster on the wall clock",
                   "faster in processor time"), rows)]  # fmt: skip


def _orbits(data: dict) -> list[str]:
    """Return orbits per second beside a vmapped diffrax solve and a bare loop."""
    rows = [
        (x["stencil"], x["dtype"], x["pusher"], x["orbits_per_second"], x["over_diffeqsolve"],
         x["over_bare_loop"])
        for x in data["rows"]
    ]  # fmt: skip
    return [table(("field", "precision", "pusher", "orbits a second",
                   "over `vmap(diffeqsolve)`", "speed over a bare loop"), rows)]  # fmt: skip


def _derivatives(data: dict) -> list[str]:
    """Return what derivatives cost over the sky itself."""
    rows = [
        (x["stencil"], 1e3 * x["sky"], x["four_over_sky"], x["six_over_field_and_sky"])
        for x in data["rows"]
    ]
    return [table(("field", "sky, ms", "sky and four derivatives over the sky",
                   "field, sky and six over field and sky"), rows)]  # fmt: skip


def _reverse(data: dict) -> list[str]:
    """Return costs of both modes, memory, agreement, and what the way back finds."""
    costs = [
        (f"{x['cells']}³", 1e3 * x["value_s"], x["ten_forward"], x["ten_backward"], x["by_samples"])
        for x in data["cost"]
    ]
    apart = [(x["stop"], x["gyroradii"], x["mode"], x["difference"]) for x in data["differences"]]
    starts = [(x["dtype"], x["gyroradii"], x["median"], x["worst"]) for x in data["start"]]
    held = data["memory"]
    return [
        table(("grid", "value, ms", "ten forward over it", "ten in reverse over it",
               "by all samples over it"), costs),
        f"Besides its arguments the gradient holds {number(held['radius_30'] / 1e6)} MB for a "
        f"sphere of 30 cells and {number(held['radius_300'] / 1e6)} MB for one of 300.",
        table(("stop", "gyroradii", "mode", "from differences, over the largest"), apart),
        table(("precision", "path, gyroradii", "start missed by, median", "worst"), starts),
    ]  # fmt: skip


def _throughput(data: dict) -> list[str]:
    """Return orbits per second at each error."""
    rows = [
        (x["stencil"], x["dtype"], x["scheme"], x["median_exit_error_cells"],
         x["orbits_per_second"], x["over_bare_loop"])
        for x in data["rows"]
    ]  # fmt: skip
    header = ("field", "precision", "scheme", "median exit error, cells", "orbits a second",
              "speed over a bare loop")  # fmt: skip
    many = [(x["stencil"], x["dtype"], x["orbits_per_second"], x["over_bare_loop"])
            for x in data["many"]]  # fmt: skip
    memory = ", ".join(f"{int(k):,} orbits: {number(v)} MB"
                       for k, v in data["peak_megabytes"].items())  # fmt: skip
    return [
        table(header, rows),
        "Four times as many orbits keep all lanes full (Boris, half a cell):",
        table(("field", "precision", "orbits a second", "speed over a bare loop"), many),
        f"Two devices against one: {number(data['two_devices']['speed_up'])} times faster. "
        f"Peak memory: {memory}.",
    ]


def _transport(data: dict) -> list[str]:
    """Return time and memory of steady states."""
    rows = [
        (f"{x['cells']} × {x['cells']} × {x['momenta']}", x["first_s"], x["again_s"], x["peak_GB"],
         x["imbalance"])
        for x in data["steady"]
    ]  # fmt: skip
    return [table(("grid", "first call, s", "again, s", "peak, GB", "imbalance of the budget"),
                  rows)]  # fmt: skip


def _work_precision(data: dict) -> list[str]:
    """Return, for each scheme, the cheapest setting at three errors."""
    rows = []
    for stencil in ("Linear", "CubicSpline"):
        for scheme in dict.fromkeys(x["scheme"] for x in data["rows"]):
            found = [x for x in data["rows"] if (x["stencil"], x["scheme"]) == (stencil, scheme)]
            times = []
            for error in (1e-2, 1e-3, 1e-4):
                good = [x["microseconds"] for x in found if x["median_error_gyroradii"] <= error]
                times.append(number(min(good)) if good else "—")
            rows.append((stencil, scheme, *times))
    return [table(("field", "scheme", "µs an orbit at 0.01 r_L", "at 0.001 r_L", "at 0.0001 r_L"),
                  rows)]  # fmt: skip


def _long_runs(data: dict) -> list[str]:
    """Return memory, time and rate of whole runs."""
    rows = [
        (x["orbits"], x["precision"], x["devices"], x["peak_memory_mb"], x["seconds"],
         x["orbits_per_second"])
        for x in data["runs"]
    ]  # fmt: skip
    return [table(("orbits", "precision", "devices", "peak memory, MB", "s", "orbits a second"),
                  rows)]  # fmt: skip


_CRPROPA = (
    "One core, processor time, both codes in turn; medians with the spread of one repeat, ratios "
    "to the fastest of CRPropa's ways. Orbits: 30 PeV in 3 µG plus as much turbulence on 256³ "
    "float32 samples, to a sphere of 60 cells, Boris steps of half a cell unless stated; the "
    "error is the median distance of exits from a reference on the same interpolation, in cells. "
    "Waves: a Boris step in a sum of plane waves, and that less a step in a uniform field; the "
    "error is the largest over the rms. CRPropa was built with FAST_WAVES, whose cosine is a "
    "polynomial good to 2e-7 of a phase in double: its accuracy lies between the first two rows "
    "of jaxcr and the third, **and in float64 it is faster**. Pseudo-particles: constant kappa "
    "along and across a uniform field; the error is that of a variance, statistical."
)

DESCRIPTIONS = {
    "benchmarks/results/crpropa_peer.json": Description(
        "Orbits, waves and pseudo-particles beside CRPropa",
        "benchmarks/crpropa_peer.py",
        _CRPROPA,
        _crpropa,
    ),
    "benchmarks/results/crpropa_peer_jax012.json": Description(
        "The same with jax 0.12",
        "benchmarks/crpropa_peer.py",
        "The same script and the same build of CRPropa, within the same hour, with a newer JAX.",
        _crpropa,
    ),
    "benchmarks/results/fields.json": Description(
        "One evaluation of a field",
        "benchmarks/fields.py",
        "Nanoseconds of one core for B at one point of a 256³ grid in float32, at random points "
        "and along straight paths, batches of 256. SciPy is `map_coordinates` of the same order "
        "for the three components. Jacobian: B and its nine derivatives together.",
        _fields,
    ),
    "benchmarks/results/orbits.json": Description(
        "Orbits against a vmapped solver",
        "benchmarks/orbits.py",
        "Isotropic turbulence with dB = B0 on 256³ cells, gyroradius 20 cells, from the centre "
        "to a sphere of 6 gyroradii, 4,096 orbits, one core, after compilation. "
        "`vmap(diffeqsolve)` waits for the slowest of all orbits; the engine here refills lanes.",
        _orbits,
    ),
    "benchmarks/results/throughput.json": Description(
        "Orbits per second at which exit error",
        "benchmarks/throughput.py",
        "30 PV in 3 µG plus as much turbulence on 256³ cells, to a sphere of 60 cells; errors "
        "are median distances of exits from those of a reference of 1/40 cell on the same "
        "field. The loop has the same steps without stop, status and refill.",
        _throughput,
    ),
    "benchmarks/results/work_precision.json": Description(
        "Work and precision of the schemes",
        "benchmarks/work_precision.py",
        "Cheapest setting of each scheme that reaches a median error, for an orbit of 3 "
        "gyroradii (20 cells) on one core; — where none tried reached it.",
        _work_precision,
        "benchmarks/results/work_precision.png",
        "Median error of the end point in gyroradii against field evaluations (left) and "
        "microseconds (right), trilinear (top) and cubic spline (bottom).",
    ),
    "benchmarks/results/energy_drift.json": Description(
        "How well the speed is kept",
        "benchmarks/energy_drift.py",
        "Relative deviation of p² after a thousand gyrations in a turbulent spline grid. Boris "
        "and Blanes–Moan keep it to round-off by construction; adaptive schemes drift in "
        "proportion to the path.",
        _energy,
    ),
    "benchmarks/results/chains.json": Description(
        "Chains of traps",
        "benchmarks/chains.py",
        "Steady states of 100,000 open chains of 100 traps, each with its own mirror ratio and "
        "gradient, in processor time of one core, beside a loop over SciPy's `solve_banded`.",
        _chains,
    ),
    "benchmarks/results/isotropic_skies.json": Description(
        "Bands of isotropic skies",
        "benchmarks/isotropic_skies.py",
        "Poisson skies with the exposure of IceCube and HAWC together, and their C_l, beside the "
        "same loop over `healpy.anafast`. Ratios are to the faster of one and two OpenMP "
        "threads. Where the mean of each declination is removed, plain quadrature is used and "
        "**in processor time healpy is as fast or faster**.",
        _isotropic,
    ),
    "benchmarks/results/sky_derivatives.json": Description(
        "Derivatives of a sky",
        "benchmarks/sky_derivatives.py",
        "Forward-mode derivatives of all C_l by dB/B0, rigidity, mean field and axis over the "
        "cost of the sky, and with index and outer scale on top. 128³ cells, nside 8 with four "
        "orbits a pixel, paths of 3 gyroradii.",
        _derivatives,
    ),
    "benchmarks/results/reverse_mode.json": Description(
        "Derivatives of exits in both modes",
        "benchmarks/reverse_mode.py",
        "Ten parameters of field, particle, stop and start, in forward and in reverse mode, and "
        "all samples of a grid, over the value itself, within the caller's `jit`, on one core. "
        "Reverse mode walks back from the exits: how far it finds the start again is in "
        "gyroradii.",
        _reverse,
    ),
    "benchmarks/results/transport.json": Description(
        "Parker's equation",
        "benchmarks/transport.py",
        "A slab of Galaxy in two coordinates and momentum with the full tensor, drifts, wind and "
        "losses: steady state, first call with compilation. The imbalance of the budget is the "
        "control.",
        _transport,
    ),
    "benchmarks/results/long_runs.json": Description(
        "Whole runs",
        "benchmarks/long_runs.py",
        "`jaxcr ensemble` in a process of its own, 64³ cells, paths of 6 gyroradii of 5 cells; "
        "wall time from the start of the process to its end, compilation included. Memory does "
        "not grow with the number of orbits.",
        _long_runs,
    ),
}
