"""Descriptions of the experiments with the chain of traps: statements, and orbits beside them."""

from generate.descriptions import Description
from generate.markdown import number, percent, statements, table, with_error


def _estimate(found: dict) -> str:
    return with_error(found["value"], found["error"])


def _escape(data: dict) -> list[str]:
    """Return V lambda/D of guiding centres beside both closures, and how they hop."""
    rows = [
        (
            x["name"], _estimate(x["exponent"]),
            number(x["exponent_of_chain"]["detailed balance"]),
            number(x["exponent_of_chain"]["published"]), _estimate(x["hops_per_scattering"]),
            percent(x["jumps"]["value"]), _estimate(x["diffusion"]),
            _estimate(x["diffusion_of_hops"]), _estimate(x["correlation"]),
        )
        for x in data["numbers"]["rows"]
    ]  # fmt: skip
    header = (
        "scattering, v/λ", "V λ/D measured", "detailed balance", "published partition",
        "hops over ν", "share of hops over more than one trap",
        "D measured, λ v", "D of a chain with the counted hops", "correlation of successive hops",
    )  # fmt: skip
    return [statements(data), table(header, rows)]


def _regimes(data: dict) -> list[str]:
    """Return displacement, spread and escape time of guiding centres and of the chain."""
    rows = []
    for x in data["numbers"]["rows"]:
        orbits, chain = x["orbits"], x["chain"]
        cells = [f"{x['regime']}, {x['scattering']}" if chain else x["regime"]]
        for name in ("displacement", "spread", "escape_time"):
            cells.append(_estimate(orbits[name]) if name in orbits else "no mean")
            cells.append(number(chain[name]) if chain else "no chain")
        rows.append(cells)
    at = number(data["numbers"]["path_of_displacement"])
    header = (
        "regime, scattering", f"displacement at path {at} λ", "chain", f"spread at {at} λ", "chain",
        "escape time, λ/v", "chain",
    )  # fmt: skip
    return [statements(data), table(header, rows)]


def _variants(data: dict) -> list[str]:
    """Return escape time and left exit of both chains, both closures."""
    rows = [
        (x["chain"], x["rates"], x["closure"], number(x["escape_time"]), number(x["left_exit"]))
        for x in data["numbers"]["rows"]
    ]
    header = ("chain", "rates", "closure", "escape time, 1/ν", "share that leaves on the left")
    return [statements(data), table(header, rows)]


def _continuum(data: dict) -> list[str]:
    """Return the error of the truncated equation and its order."""
    numbers = data["numbers"]
    orders = ["", *(number(x) for x in numbers["orders"])]
    rows = zip((str(x) for x in numbers["sites"]), numbers["errors"], orders, strict=True)
    names = {
        "chain": "chain, ln(g/r)", "second order": "cut after the second derivative",
        "third order": "after the third",
    }  # fmt: skip
    exponents = ", ".join(f"{names[k]}: {number(x[-1])}" for k, x in numbers["exponents"].items())
    return [
        statements(data),
        table(("traps", "largest error over largest density", "order"), rows),
        f"Exponent of the profile without flux at g/r = {number(numbers['ratio'][-1])}: "
        f"{exponents}.",
    ]


def _mirrors(data: dict) -> list[str]:
    """Return ratio, gradient and length of the traps, and a chain of them beside equal traps."""
    numbers = data["numbers"]
    names = ("ratio", "ratio_scatter", "gradient_mean", "gradient_scatter", "length",
             "length_scatter")  # fmt: skip
    rows = [
        (number(x["smallest_ratio"]), str(x["traps"]), *(_estimate(x[name]) for name in names))
        for x in numbers["rows"]
    ]
    header = (
        "a mirror counts from", "traps", "R, mean", "scatter", "ln(B1/B2), mean", "scatter",
        "length, pc", "scatter",
    )  # fmt: skip
    chains = numbers["chains"]
    rows_of_chains = [
        ("traps of the cube", _estimate(chains["escape_time"]), _estimate(chains["diffusion"])),
        (f"equal traps, R = {number(chains['ratio'])}", number(chains["equal_escape_time"]),
         number(chains["equal_diffusion"])),
    ]  # fmt: skip
    titles = (
        f"{numbers['sites']} traps", "escape from the middle, 1/ν", "D over ν length²",
    )  # fmt: skip
    return [statements(data), table(header, rows), table(titles, rows_of_chains)]


_RESULTS = "experiments/results"
_CODE = "jaxcr/experiments/asymmetric_diffusion"
_COMMAND = "jaxcr experiment"
DESCRIPTIONS = {
    f"{_RESULTS}/escape_asymmetry.json": Description(
        "Which closure do guiding centres support?",
        f"{_CODE}/escape_asymmetry.py",
        "Full orbits in one trap, B0, B1, B2 = 1, 4, 3, and guiding centres in a chain of bottles "
        "of mirror ratio 3 whose field falls by b = 1.25 from one to the next. Detailed balance "
        "predicts V λ/D = 2(b−1)/(b+1), the published partition of the loss cones twice that. "
        "With few scatterings (ν = 0.2 v/λ) particles jump over traps and neither holds. A chain "
        "with the counted rates of hops over one, two, ... traps has D of the guiding centres "
        "where they forget the last hop and there is no gradient.",
        _escape,
        f"{_RESULTS}/escape_asymmetry.png",
        "Left: populations of a trap by full orbits (dots) and by volume (bars). Middle: V λ/D of "
        "guiding centres (dots), detailed balance and the published partition (bars). Right: hops "
        "per scattering.",
        command=f"{_COMMAND} escape-asymmetry",
    ),
    f"{_RESULTS}/four_regimes.json": Description(
        "Chain against guiding centres in four regimes",
        f"{_CODE}/four_regimes.py",
        "Twenty-one traps, start in the middle, a mean free path as long as a trap; scattering by "
        "large angles, which forgets the direction, and by small ones. The chain has drift and "
        "diffusion of the pitch-angle equation, and with them the escape times. **Hop rates by the "
        "volume of the loss cones make times twice too long**: such a chain ends every hop in the "
        "neighbouring trap, guiding centres often go farther (table above). Free streaming has no "
        "mean escape time: who moves across the field never leaves.",
        _regimes,
        f"{_RESULTS}/four_regimes.png",
        "Mean displacement and spread (solid: guiding centres, dashed: chain), median and mean "
        "time of escape (bars: chain).",
        command=f"{_COMMAND} four-regimes",
    ),
    f"{_RESULTS}/continuum_limit.json": Description(
        "What drift and diffusion miss",
        f"{_CODE}/continuum_limit.py",
        "The chain against its continuum equation, cut after the second derivative. The largest "
        "error falls as the square of the trap length; one more derivative does not repair it.",
        _continuum,
        f"{_RESULTS}/continuum_limit.png",
        "Exponent of the profile against g/r; density of seven traps, with that of walkers; error "
        "against the number of traps, with a line of second order.",
        command=f"{_COMMAND} continuum-limit",
    ),
    f"{_RESULTS}/helio_galaxy.json": Description(
        "The two published chains",
        f"{_CODE}/helio_galaxy.py",
        "Helio (fed from outside on the right) and Galaxy (fed in the plane on the left), forty "
        "traps in two zones, both closures; `turning`: the rates favour the ends in either zone. "
        "The second table shows how much the closure decides.",
        _variants,
        f"{_RESULTS}/helio_galaxy.png",
        "Occupations of the traps, and these over the volumes of the traps; solid: detailed "
        "balance, dashed: the published closure.",
        command=f"{_COMMAND} helio-galaxy",
    ),
    f"{_RESULTS}/mirrors_of_a_cube.json": Description(
        "The traps of simulated turbulence",
        f"{_CODE}/mirrors_of_a_cube.py",
        "Field lines through the MHD cube that comes with the package (Alfvén Mach number 0.8, δB "
        "half the mean field, driven at 10 pc), cubic splines between its cells. A maximum of |B| "
        "counts as a mirror if the field falls by a given factor on both its sides. Errors: "
        "jackknife over the eight parts of the cube in which traps lie, of the chains over sixteen "
        "blocks in which lines start, too small because all cross the same eddies. The "
        "chains are in detailed balance.",
        _mirrors,
        f"{_RESULTS}/mirrors_of_a_cube.png",
        "|B| along one line with its mirrors, and how mirror ratios, gradients and lengths of "
        "traps are distributed, for three ratios from which on a maximum is a mirror.",
        command=f"{_COMMAND} mirrors-of-a-cube",
    ),
}
