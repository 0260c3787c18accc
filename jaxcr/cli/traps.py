"""``jaxcr traps``: solve a chain of magnetic traps, or fit one to a density profile."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import infer, plots, traps
from jaxcr.arrays import argument_error
from jaxcr.cli.config import Traps
from jaxcr.cli.toml_settings import as_dict
from jaxcr.runtime import result_folder, write_result

_CLOSURES = {"detailed-balance": traps.DetailedBalance(), "loss-cone": traps.LossCone()}
_ENDS = {"absorbing": traps.AbsorbingEnd(), "reflecting": traps.ReflectingEnd()}
_TIMES = (0.03, 0.1, 0.3, 1.0, 3.0)
"""Of the slowest relaxation, at most of 1e8 hops: nobody can wait for a metastable chain."""

_MOST_SITES = 1000
"""All modes are found, from a full matrix."""


def run_traps(config: Traps) -> None:
    """Print the table of a chain and save numbers and pictures."""
    _check(config)
    with result_folder(config.out, kind="traps", overwrite=config.overwrite) as folder:
        if config.fit is not None:
            trap, fitted, line = _fit(config, folder)
        else:
            trap = traps.trap_from_ratio(config.mirror_ratio, config.gradient)
        numbers, table = _solve(config, trap)
        if config.fit is not None:
            numbers["fit"], table = fitted, [line, *table]
        print("\n".join(table))
        (folder / "table.txt").write_text("\n".join(table) + "\n", encoding="utf-8")
        plots.plot_traps(**_pictures(config, trap, numbers)).savefig(folder / "traps.png", dpi=150)
        write_result(folder / "result.h5", configuration=as_dict(config), seeds={}, groups=numbers)
        drawn = "traps.png and fit.png" if config.fit is not None else "traps.png"
        print(f"{folder}/ has result.h5, table.txt, {drawn}")


def _chain(config: Traps, trap: traps.Trap) -> traps.Chain:
    """Return the chain of copies of a trap."""
    return traps.trap_chain(
        trap, config.sites, scattering_rate=_scattering(config),
        closure=_CLOSURES[config.closure], left_end=_ENDS[config.left_end],
        right_end=_ENDS[config.right_end],
        loss_rate=jnp.full(config.sites, config.loss_rate) if config.loss_rate else None,
    )  # fmt: skip


def _solve(config: Traps, trap: traps.Trap) -> tuple[dict, list[str]]:
    """Return all numbers by group, and the lines of the table."""
    chain, source = _chain(config, trap), _source(config)
    fed, place = _fed(config), _place(config)
    occupation = traps.steady_state(chain, source)
    density = occupation / traps.flux_tube_volume(trap, config.sites)
    flux = traps.bond_flux(chain, source)
    exits, log_time = traps.exit_probability(chain), traps.log_escape_time(chain)
    rates = traps.relaxation_rates(chain)
    coefficients = traps.trap_distribution(
        trap, *density[place - 1 : place + 2], lmax=config.lmax, edge_width=config.edge_width
    )
    spectrum = traps.gyrotropic_spectrum(coefficients)
    numbers = {
        "chain": {"rate_right": chain.rate_right, "rate_left": chain.rate_left, "source": source},
        "steady": {"occupation": occupation, "density": density, "flux": flux},
        "escape": {
            "left": exits.left, "right": exits.right, "lost": exits.lost,
            "log_time": log_time, "relaxation_rate": rates,
        },
        "sky": {"legendre": coefficients, "spectrum": spectrum},
    }  # fmt: skip
    lines = _geometry(config, trap)
    lines += [
        f"fed at site {fed + 1}: {float(-flux[0]):.4g} of {config.inflow:g} leave left, "
        f"{float(flux[-1]):.4g} right, {float(jnp.sum(chain.losses * occupation)):.4g} are lost",
        f"mean time from there to the end: {_power_of_ten(float(log_time[fed]))} pc of path",
        f"slowest relaxation: {float(rates[0]):.4g} per pc",
        f"sky at site {place + 1}: f_1/f_0 = {float(coefficients[1] / coefficients[0]):.4g}, "
        f"C_l = {' '.join(f'{float(c):.3g}' for c in spectrum[1:7])} sr",
    ]
    return numbers, lines


def _geometry(config: Traps, trap: traps.Trap) -> list[str]:
    """Return the lines about one trap, with both closures beside each other."""
    nu = _scattering(config)
    cones = [float(np.degrees(np.arccos(mu))) for mu in (trap.left_cosine, trap.right_cosine)]
    p = traps.escape_probabilities(trap)
    lines = [
        f"mirror ratio {float(trap.mirror_ratio):.4g}, ln(B1/B2) = {float(trap.gradient):.4g}, "
        f"loss cones {cones[0]:.1f}° left, {cones[1]:.1f}° right",
        f"a scattering sends {float(p.left):.4f} left, {float(p.right):.4f} right, "
        f"keeps {float(p.trapped):.4f}",
    ]
    for name, closure in _CLOSURES.items():
        right, left = closure.rates(trap, nu)
        drift, spread = traps.transport_cumulants(right, left, config.length, order=2)
        lines.append(
            f"{name}: g = {float(right):.4g}, r = {float(left):.4g} per pc, "
            f"g/r = {float(right / left):.4g}, V = {float(drift):.4g}, "
            f"D = {float(spread) / 2:.4g} pc" + (" (used)" if name == config.closure else "")
        )
    suppression = traps.mirror_suppression(
        trap, config.length, nu, closure=_CLOSURES[config.closure]
    )
    capture = float(suppression.capture)
    lines.append(
        f"scatterings per trap: {capture:.3g}"
        + (
            " (hops over several traps, which the chain has not)" if capture < 0.5
            else " (the loss cones close, and the rates are too low)" if capture > 2
            else ""
        )
        + f"; D over diffusion without mirrors: {float(suppression.ratio):.3g}"
    )  # fmt: skip
    return lines


def _pictures(config: Traps, trap: traps.Trap, numbers: dict) -> dict:
    """Return what ``plot_traps`` draws."""
    nu, closure = _scattering(config), _CLOSURES[config.closure]
    ratio = float(trap.mirror_ratio)
    gradient = abs(float(trap.gradient)) or min(0.1, float(np.log(ratio)))
    profiles = {}
    for name, sign in (("g < r", -1.0), ("g = r", 0.0), ("g > r", 1.0)):
        line = traps.line_of_traps(ratio, sign * gradient, config.sites)
        profiles[name] = traps.steady_state(
            *traps.helio_chain(line, scattering_rate=nu, closure=closure, inflow=config.inflow)
        )
    line = traps.line_of_traps(ratio, float(trap.gradient), config.sites)
    variants = {}
    for name, preset in (("Helio", traps.helio_chain), ("Galaxy", traps.galaxy_chain)):
        chain, source = preset(line, scattering_rate=nu, closure=closure, inflow=config.inflow)
        variants[name] = traps.steady_state(chain, source) / traps.flux_tube_volume(line)
    chain, source = _chain(config, trap), _source(config)
    rates = traps.relaxation_rates(chain)
    times = jnp.array(_TIMES) * min(1 / float(rates[0]), 1e8 / float(rates[-1]))
    growing = traps.evolve(chain, jnp.zeros(config.sites), times, source=source)
    return {
        "profiles": profiles, "variants": variants,
        "coefficients": numbers["sky"]["legendre"], "place": _place(config) + 1,
        "relaxation": growing, "relaxation_times": _TIMES,
        "steady": numbers["steady"]["occupation"],
        "title": f"mirror ratio {ratio:.3g}, ln(B1/B2) = {float(trap.gradient):.3g}",
    }  # fmt: skip


def _fit(config: Traps, folder: Path) -> tuple[traps.Trap, dict, str]:
    """Return the fitted trap, its numbers, and the line about them, and draw the fit."""
    profile = infer.read_density(config.fit)
    best = infer.fit_density(
        profile, _source(config), scattering_rate=_scattering(config),
        closure=_CLOSURES[config.closure], left_end=_ENDS[config.left_end],
        right_end=_ENDS[config.right_end],
    )  # fmt: skip
    plots.plot_density_fit(profile, best).savefig(folder / "fit.png", dpi=150)
    names = ("mirror_ratio", "gradient", "mirror_ratio_error", "gradient_error", "correlation",
             "chi_squared", "converged")  # fmt: skip
    numbers = {name: np.asarray(getattr(best, name)) for name in names}
    line = (
        f"fit: mirror ratio {float(best.mirror_ratio):.4g} ± {float(best.mirror_ratio_error):.2g}, "
        f"ln(B1/B2) = {float(best.gradient):.4g} ± {float(best.gradient_error):.2g}, correlation "
        f"{float(best.correlation):.2f}, chi² {float(best.chi_squared):.1f} for "
        f"{profile.site.shape[0] - 2} degrees of freedom"
        + ("" if bool(best.converged) else "; NOT converged")
    )
    return best.trap, numbers, line


def _power_of_ten(log: float) -> str:
    """Return exp(log) in decimal, also beyond the range of floats."""
    exponent = int(np.floor(log / np.log(10)))
    if -4 <= exponent < 6:
        return f"{np.exp(log):.4g}"
    return f"{10 ** (log / np.log(10) - exponent):.4g}e{exponent:+d}"


def _scattering(config: Traps) -> float:
    return 1 / config.length if config.scattering_rate is None else config.scattering_rate


def _fed(config: Traps) -> int:
    return (config.sites if config.source is None else config.source) - 1


def _place(config: Traps) -> int:
    return (config.sites // 2 + 1 if config.place is None else config.place) - 1


def _source(config: Traps) -> jax.Array:
    return jnp.zeros(config.sites).at[_fed(config)].set(config.inflow)


def _check(config: Traps) -> None:
    """Raise ``ValueError`` for settings with which the command would fail later."""
    for name, value in (
        ("--length", config.length), ("--inflow", config.inflow),
        ("--scattering-rate", _scattering(config) if config.length else 0.0),
    ):  # fmt: skip
        if not 0 < value < float("inf"):
            raise argument_error(
                name, expected="a positive number", got=f"{value:g}", remedy="See --help."
            )
    for name, value, least, most in (
        ("--sites", config.sites, 3, _MOST_SITES), ("--source", _fed(config) + 1, 1, config.sites),
        ("--place", _place(config) + 1, 2, config.sites - 1), ("--lmax", config.lmax, 6, 1000),
    ):  # fmt: skip
        if not least <= value <= most:
            raise argument_error(
                name, expected=f"a whole number from {least} to {most}", got=str(value),
                remedy="Sites count from 1; see --help.",
            )  # fmt: skip
    for name, value in (("--loss-rate", config.loss_rate), ("--edge-width", config.edge_width)):
        if not 0 <= value < float("inf"):
            raise argument_error(
                name, expected="a number >= 0", got=f"{value:g}", remedy="See --help."
            )
    if config.left_end == config.right_end == "reflecting" and not config.loss_rate:
        raise argument_error(
            "--left-end, --right-end, --loss-rate", expected="a way out", got="none",
            remedy="Open an end, or give --loss-rate.",
        )  # fmt: skip
    if config.fit is not None and config.loss_rate:
        raise argument_error(
            "--fit, --loss-rate", expected="one of them", got="both",
            remedy="Fits are of chains without loss.",
        )  # fmt: skip
