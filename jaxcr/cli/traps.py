"""``jaxcr traps``: solve a chain of magnetic traps, or fit one to a density profile."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import infer, plots, traps
from jaxcr.checks import argument_error, check_positive, check_range
from jaxcr.cli.limits import check_one_of_both
from jaxcr.cli.output import Outcome, quantity
from jaxcr.cli.toml_settings import as_dict
from jaxcr.cli.traps_config import Traps
from jaxcr.runtime import result_folder, write_result

_SCATTERINGS = {
    "isotropising": traps.IsotropisingScattering(), "small-angles": traps.SmallAngleScattering()
}  # fmt: skip
_ENDS = {"absorbing": traps.AbsorbingEnd(), "reflecting": traps.ReflectingEnd()}
_TIMES = (0.03, 0.1, 0.3, 1.0, 3.0)
"""Of the slowest relaxation, at most of 1e8 hops: nobody can wait for a metastable chain."""

_MOST_SITES = 1000
"""All modes are found, from a full matrix."""


def run_traps(config: Traps) -> Outcome:
    """Print the table of a chain and save numbers and pictures."""
    _check(config)
    with result_folder(config.out, kind="traps", overwrite=config.overwrite) as folder:
        if config.fit is not None:
            trap, fitted, line = _fit(config, folder)
        else:
            trap = traps.trap_from_ratio(config.mirror_ratio, config.gradient)
        numbers = _solve(config, trap)
        found = _one_trap(config, trap) | _whole_chain(config, numbers)
        table = [*_trap_lines(config, found), *_chain_lines(config, found)]
        if config.fit is not None:
            numbers["fit"], table, found["fit"] = fitted, [line, *table], _fit_numbers(fitted)
        (folder / "report.txt").write_text("\n".join(table) + "\n", encoding="utf-8")
        plots.plot_traps(**_pictures(config, trap, numbers)).savefig(folder / "traps.png", dpi=150)
        write_result(folder / "result.h5", configuration=as_dict(config), seeds={}, groups=numbers)
        print("\n".join(table))
        drawn = "traps.png and fit.png" if config.fit is not None else "traps.png"
        print(f"{folder}/ has result.h5, report.txt, {drawn}")
    return Outcome(found, folder, warnings=_warnings(config, found))


def _closures(config: Traps) -> dict[str, traps.Closure]:
    """Return closures by the names that they have here."""
    true = {k: traps.PitchAngleClosure(config.length, x) for k, x in _SCATTERINGS.items()}
    return {"detailed-balance": traps.DetailedBalance(), "loss-cone": traps.LossCone(), **true}


def _chain(config: Traps, trap: traps.Trap) -> traps.Chain:
    """Return the chain of copies of a trap."""
    return traps.trap_chain(
        trap, config.sites, scattering_rate=_scattering(config),
        closure=_closures(config)[config.closure], left_end=_ENDS[config.left_end],
        right_end=_ENDS[config.right_end],
        loss_rate=jnp.full(config.sites, config.loss_rate) if config.loss_rate else None,
    )  # fmt: skip


def _solve(config: Traps, trap: traps.Trap) -> dict[str, dict]:
    """Return what goes into the result file."""
    chain, source = _chain(config, trap), _source(config)
    place = _place(config)
    occupation = traps.steady_state(chain, source)
    density = occupation / traps.flux_tube_volume(trap, config.sites)
    exits = traps.exit_probability(chain)
    coefficients = traps.trap_distribution(
        trap, *density[place - 1 : place + 2], lmax=config.lmax, edge_width=config.edge_width
    )
    return {
        "chain": {
            "rate_right": chain.rate_right, "rate_left": chain.rate_left, "source": source,
            "loss_rate": chain.losses,
        },
        "steady": {
            "occupation": occupation, "density": density, "flux": traps.bond_flux(chain, source),
        },
        "escape": {
            "left": exits.left, "right": exits.right, "lost": exits.lost,
            "log_time": traps.log_escape_time(chain),
            "relaxation_rate": traps.relaxation_rates(chain),
        },
        "sky": {"legendre": coefficients, "spectrum": traps.gyrotropic_spectrum(coefficients)},
    }  # fmt: skip


def _one_trap(config: Traps, trap: traps.Trap) -> dict[str, Any]:
    """Return the numbers of one trap, with the closures that have some beside each other."""
    nu = _scattering(config)
    left, right = (float(np.degrees(np.arccos(mu))) for mu in (trap.left_cosine, trap.right_cosine))
    p = traps.escape_probabilities(trap)
    closures = {}
    capture = nu * config.length
    for name, closure in _closures(config).items():
        if name == "isotropising" and capture < abs(float(trap.gradient)):
            continue  # no series; chosen, it has raised before
        rate_right, rate_left = closure.rates(trap, nu)
        drift, spread = traps.transport_cumulants(rate_right, rate_left, config.length, order=2)
        closures[name] = {
            "rate_right": quantity(float(rate_right), unit="1/pc"),
            "rate_left": quantity(float(rate_left), unit="1/pc"),
            "drift_over_v": quantity(float(drift)),
            "diffusion_over_v": quantity(float(spread) / 2, unit="pc"),
        }
    return {
        "mirror_ratio": float(trap.mirror_ratio),
        "gradient": float(trap.gradient),
        "loss_cone_left": quantity(left, unit="deg"),
        "loss_cone_right": quantity(right, unit="deg"),
        "escape": {name: float(getattr(p, name)) for name in ("left", "right", "trapped")},
        "closures": closures,
        "scatterings_per_trap": capture,
        "diffusion_over_unmirrored": {
            name: float(traps.mirror_suppression(trap, config.length, nu, scattering=scattering))
            for name, scattering in _SCATTERINGS.items()
            if name in closures
        },
    }


def _whole_chain(config: Traps, numbers: dict[str, dict]) -> dict[str, Any]:
    """Return the numbers of the chain that the table has."""
    steady, escape, sky = numbers["steady"], numbers["escape"], numbers["sky"]
    fed, flux, legendre = _fed(config), steady["flux"], sky["legendre"]
    lost = jnp.sum(numbers["chain"]["loss_rate"] * steady["occupation"])
    return {
        "source": fed + 1,
        "leave_left": quantity(float(-flux[0]), unit="1/pc"),
        "leave_right": quantity(float(flux[-1]), unit="1/pc"),
        "lost": quantity(float(lost), unit="1/pc"),
        "log_escape_time": quantity(float(escape["log_time"][fed]), unit="ln pc"),
        "slowest_relaxation": quantity(float(escape["relaxation_rate"][0]), unit="1/pc"),
        "place": _place(config) + 1,
        "legendre_1_over_0": float(legendre[1] / legendre[0]),
        "c_ell": quantity(sky["spectrum"], unit="sr"),
    }


def _trap_lines(config: Traps, found: dict[str, Any]) -> list[str]:
    """Return the lines about one trap."""
    escape, capture = found["escape"], found["scatterings_per_trap"]
    lines = [
        f"mirror ratio {found['mirror_ratio']:.4g}, ln(B1/B2) = {found['gradient']:.4g}, "
        f"loss cones {found['loss_cone_left']['value']:.1f}° left, "
        f"{found['loss_cone_right']['value']:.1f}° right",
        f"a scattering sends {escape['left']:.4f} left, {escape['right']:.4f} right, "
        f"keeps {escape['trapped']:.4f}",
    ]
    for name, closure in found["closures"].items():
        right, left, drift, spread = (x["value"] for x in closure.values())
        lines.append(
            f"{name}: g = {right:.4g}, r = {left:.4g} per pc, g/r = {right / left:.4g}, "
            f"V = {drift:.4g}, D = {spread:.4g} pc" + (" (used)" if name == config.closure else "")
        )
    doubt = _doubt(config, capture)
    lines.append(f"scatterings per trap: {capture:.3g}" + (f" ({doubt})" if doubt else ""))
    ratios = [f"{x:.3g} ({name})" for name, x in found["diffusion_over_unmirrored"].items()]
    lines.append(f"D over diffusion without mirrors: {', '.join(ratios)}")
    if config.closure not in _SCATTERINGS:
        lines.append(
            f"the D of {config.closure}, and every time made of it, is not that of guiding centres"
        )
    return lines


def _chain_lines(config: Traps, found: dict[str, Any]) -> list[str]:
    """Return the lines about the chain."""
    left, right, lost, relaxation = (
        found[name]["value"] for name in ("leave_left", "leave_right", "lost", "slowest_relaxation")
    )
    return [
        f"fed at site {found['source']}: {left:.4g} of {config.inflow:g} leave left, "
        f"{right:.4g} right, {lost:.4g} are lost",
        "mean time from there to the end: "
        f"{_power_of_ten(found['log_escape_time']['value'])} pc of path",
        f"slowest relaxation: {relaxation:.4g} per pc",
        f"sky at site {found['place']}: f_1/f_0 = {found['legendre_1_over_0']:.4g}, "
        f"C_l = {' '.join(f'{float(c):.3g}' for c in found['c_ell']['value'][1:7])} sr",
    ]


def _doubt(config: Traps, capture: float) -> str:
    """Return what is wrong with loss cones at so many scatterings per trap, if anything."""
    if config.closure in _SCATTERINGS:
        return ""
    if capture < 0.5:
        return "hops over several traps, which the chain has not"
    return "the loss cones close, and the rates are too low" if capture > 2 else ""


def _pictures(config: Traps, trap: traps.Trap, numbers: dict) -> dict:
    """Return what ``plot_traps`` draws."""
    nu, closure = _scattering(config), _closures(config)[config.closure]
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
        closure=_closures(config)[config.closure], left_end=_ENDS[config.left_end],
        right_end=_ENDS[config.right_end],
    )  # fmt: skip
    plots.plot_density_fit(profile, best).savefig(folder / "fit.png", dpi=150)
    names = ("mirror_ratio", "gradient", "mirror_ratio_error", "gradient_error", "correlation",
             "chi_squared", "converged")  # fmt: skip
    numbers = {name: np.asarray(getattr(best, name)) for name in names}
    numbers["degrees_of_freedom"] = np.asarray(profile.site.shape[0] - 2)
    line = (
        f"fit: mirror ratio {float(best.mirror_ratio):.4g} ± {float(best.mirror_ratio_error):.2g}, "
        f"ln(B1/B2) = {float(best.gradient):.4g} ± {float(best.gradient_error):.2g}, correlation "
        f"{float(best.correlation):.2f}, chi² {float(best.chi_squared):.1f} for "
        f"{int(numbers['degrees_of_freedom'])} degrees of freedom"
        + ("" if bool(best.converged) else "; NOT converged")
    )
    return best.trap, numbers, line


def _fit_numbers(fitted: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the numbers of a fit with their errors."""
    values = {
        name: quantity(fitted[name], fitted[f"{name}_error"])
        for name in ("mirror_ratio", "gradient")
    }
    names = ("correlation", "chi_squared", "degrees_of_freedom", "converged")
    return values | {name: fitted[name] for name in names}


def _warnings(config: Traps, found: dict[str, Any]) -> tuple[str, ...]:
    """Return what stands in the table as a remark."""
    doubt = _doubt(config, found["scatterings_per_trap"])
    sentences = [f"scatterings per trap: {doubt}"] if doubt else []
    if "fit" in found and not found["fit"]["converged"]:
        sentences.append("the fit has not converged")
    return tuple(sentences)


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
    check_positive("--length", config.length)
    check_positive("--inflow", config.inflow)
    check_positive("--scattering-rate", config.scattering_rate)
    check_range("--loss-rate", config.loss_rate, 0)
    check_range("--edge-width", config.edge_width, 0, math.pi / 2, remedy="In rad.")
    for name, value, least, most in (
        ("--sites", config.sites, 3, _MOST_SITES), ("--source", _fed(config) + 1, 1, config.sites),
        ("--place", _place(config) + 1, 2, config.sites - 1), ("--lmax", config.lmax, 6, 1000),
    ):  # fmt: skip
        check_range(
            name, value, least, most, expected=f"a whole number from {least} to {most}",
            remedy="Sites count from 1; see --help.",
        )  # fmt: skip
    if config.fit is None:
        traps.trap_from_ratio(config.mirror_ratio, config.gradient)
    if config.left_end == config.right_end == "reflecting" and not config.loss_rate:
        raise argument_error(
            "--left-end, --right-end, --loss-rate", expected="a way out", got="none",
            remedy="Open an end, or give --loss-rate.",
        )  # fmt: skip
    check_one_of_both(
        "--fit, --loss-rate", config.fit is not None, config.loss_rate,
        remedy="Fits are of chains without loss.",
    )  # fmt: skip
