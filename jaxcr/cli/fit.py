"""``jaxcr fit``: data, simulated skies, fit, report, result folder, pictures."""

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from jaxcr import infer, observed
from jaxcr.cli import report
from jaxcr.cli.checks import check_data, check_fit
from jaxcr.cli.config import Fit
from jaxcr.cli.fit_pictures import draw, draw_gradient
from jaxcr.cli.fit_uncertainty import extra_uncertainty
from jaxcr.cli.named_values import named_values
from jaxcr.cli.toml_settings import as_dict
from jaxcr.fields import UniformField
from jaxcr.orbits import PathLength, lyapunov_length
from jaxcr.runtime import result_folder, write_result
from jaxcr.sky import pixel_centers
from jaxcr.units import GYRORADIUS

_CONVENTIONS = {
    "fixed-path": infer.FixedPath,
    "fixed-sphere": infer.FixedSphere,
    "mean-free-paths": infer.PathOverMeanFreePath,
}

_SKIES_PER_TARGET_SKY = 10
"""Simulated skies for each sky that the target is the mean of, for a usable covariance."""


def run_fit(config: Fit) -> None:
    """Run the whole job and leave a result folder behind."""
    clock = time.perf_counter()
    check_fit(config)
    with result_folder(config.out, kind="fit", overwrite=config.overwrite) as folder:
        _fit(config, folder)
        print(f"\n{folder}/ has result.h5, report.txt and the pictures ({_seconds(clock)})")


def _fit(config: Fit, folder: Path) -> None:
    """Fit, and write everything into the folder."""
    skies, traps = ensemble(config), trap_series(config)
    axes = infer.turbulence_axes(skies, config.sky.vary)
    parameters = infer.default_parameters(axes)
    parameters = parameters.with_fixed(named_values("--fix", config.fix, parameters))
    truth = None if config.simulate is None else planted_values(config, skies, axes, parameters)
    data = _data(config, skies, traps, axes, truth)
    check_data(config, data)
    print(f"target: {data.label}, l = {data.ell[0]} to {data.ell[-1]}")
    model = infer.SkyModel(sky_emulator(config, skies, data.num_skies), traps)
    problem = _problem(model, data, parameters)
    result = infer.fit(
        problem,
        num_starts=config.num_starts,
        optimisers=(infer.LevenbergMarquardt(), infer.Adam(num_steps=config.adam_steps)),
    )
    extra = extra_uncertainty(config, folder, problem, result, truth)
    lines = _lines(config, problem, extra.result, truth) + extra.text
    print(lines, flush=True)
    with ThreadPoolExecutor(1) as beside:  # half of either is compilation, on one core
        pictures = beside.submit(draw, folder, problem, extra.result, skies, data, truth)
        gauge, path = _gauges(config, skies, problem, extra.result)
        groups = pictures.result() | extra.groups
    if gauge is not None:
        draw_gradient(folder, gauge)
        told = [report.gradient_table(gauge)] + ([] if path is None else [report.path_line(path)])
        print("", *told, sep="\n\n", flush=True)
        lines += "\n\n" + "\n\n".join(told)
    groups |= _groups(data, problem, extra.result, gauge, path)
    write_result(
        folder / "result.h5",
        configuration=as_dict(config),
        seeds={"model": config.sky.seed, "simulate": config.simulate},
        groups=groups,
    )
    (folder / "report.txt").write_text(lines + "\n", encoding="utf-8")


def ensemble(config: Fit) -> infer.SkyEnsemble:
    """Return the ensemble of simulated skies."""
    settings = dataclasses.asdict(config.sky)
    for name in ("num_fields", "num_nodes", "vary"):
        del settings[name]
    settings["convention"] = _CONVENTIONS[config.sky.convention]()
    return infer.SkyEnsemble(**settings)


def trap_series(config: Fit) -> infer.TrapSeries:
    """Return the chain of traps at the boundary."""
    return infer.TrapSeries(
        lmax=config.sky.boundary_lmax,
        edge_width=config.traps.edge_width,
        num_sites=config.traps.num_sites,
    )


def sky_emulator(config: Fit, skies: infer.SkyEnsemble, num_skies: int) -> infer.TransferEmulator:
    """Return the emulator for data of so many skies, field by field from the cache."""
    needed = -(-_SKIES_PER_TARGET_SKY * num_skies // skies.num_observers)
    num_fields = max(config.sky.num_fields, needed if num_skies > 1 else 0)
    return infer.build_emulator(
        skies,
        config.sky.vary,
        num_fields=num_fields,
        num_nodes=config.sky.num_nodes,
        cache=config.cache,
        progress=lambda x: tqdm(x, desc=f"skies in {num_fields} fields", unit="field"),
    )


def planted_values(
    config: Fit,
    skies: infer.SkyEnsemble,
    axes: tuple[infer.TurbulenceAxis, ...],
    parameters: infer.ParameterSet,
) -> np.ndarray:
    """Return the values to plant: the defaults, the ensemble's own, and what was asked for."""
    values = dict(zip(("ln A", "ln dB/B0", "ln(R-1)", "eta"), infer.PLANTED, strict=True))
    own = {a.parameter.name: a.coordinate(float(getattr(skies.fiducial, a.field))) for a in axes}
    values = own | values | named_values("--plant", config.plant, parameters)
    return np.array([values[name] for name in parameters.names])


def _data(config: Fit, skies, traps, axes, truth) -> infer.SpectrumData:
    """Return what is to be fitted."""
    if truth is not None:
        print(f"simulating {config.skies} skies with the planted parameters")
        return infer.simulate_data(
            skies,
            traps,
            jnp.asarray(truth),
            seed=config.simulate,
            num_skies=config.skies,
            axes=axes,
        )
    if config.target is not None:
        return observed.read_spectrum(
            config.target,
            num_skies=config.target_skies,
            m0_blind=config.m0_blind,
            debiased=config.debiased,
        )
    return observed.working_level_spectrum()


def _problem(
    model: infer.SkyModel, data: infer.SpectrumData, parameters: infer.ParameterSet
) -> infer.Problem:
    """Return what is fitted, and print what was left out."""
    compared = model.comparable(data)
    dropped = sorted(set(data.ell.tolist()) - set(compared.ell.tolist()))
    if dropped:
        print(f"dropped, below 3 sigma of the simulation's noise: l = {dropped}")
    likelihood = infer.choose_likelihood(model, compared)
    return infer.Problem(model, compared, parameters, likelihood)


def _lines(config: Fit, problem, result, truth) -> str:
    """Return the report of the fit itself."""
    sky = config.sky
    fixed = (
        f"fixed: {problem.model.conventions()}, r_L = {sky.gyroradius:g} of {sky.cells} cells, "
        f"index {sky.index:.3g}, outer scale {sky.outer_scale:g} cells (but what was varied), "
        f"closure: detailed balance, N = {config.traps.num_sites}, edge width "
        f"{config.traps.edge_width:g} rad"
    )
    return "\n".join(
        [
            "",
            report.fit_table(problem, result, truth),
            "",
            report.derived_lines(problem, result),
            report.constraint_lines(problem, result),
            report.likelihood_line(problem),
            report.emulator_line(problem),
            report.goodness_lines(result),
            fixed,
        ]
    )


def _gauges(config: Fit, skies: infer.SkyEnsemble, problem: infer.Problem, result):
    """Return the gradient report and the path systematic at the best fit, or ``None``."""
    if config.gradient_fields == 0:
        return None, None
    axes = problem.model.emulator.axes
    best = infer.physical_values(axes, problem.model.point(result.values))
    parameters, num = skies.at(**best), config.gradient_fields
    first = axes[0].field
    where = float(best[first])
    gauge = infer.spectrum_gradient(
        lambda value, number: infer.simulated_spectra(
            skies, parameters.at(**{first: value}), number
        ),
        where,
        num_fields=num,
        names=("dB/B0" if first == "level" else first,),
        step=min(0.3, 0.5 * where),
        path_over_lyapunov=_path_over_lyapunov(skies, parameters),
        progress=lambda x: tqdm(list(x), desc="gradient report", unit="field"),
    )
    if not isinstance(skies.convention.stop(parameters), PathLength):
        return gauge, None
    return gauge, infer.path_systematic(skies, parameters, num_fields=num)


def _path_over_lyapunov(skies: infer.SkyEnsemble, parameters: infer.SkyParameters) -> float:
    """Return the path in Lyapunov lengths, from 256 orbits in the first field; nan on spheres."""
    stop = skies.convention.stop(parameters)
    if not isinstance(stop, PathLength):
        return float("nan")
    turbulence = skies.turbulence(0, parameters)
    length = lyapunov_length(
        UniformField(jnp.array(infer.AXIS)) + parameters.level * turbulence,
        jnp.zeros(3),
        jnp.asarray(pixel_centers(4)),
        rigidity=parameters.gyroradius / GYRORADIUS,
        path_length=float(stop.length),
    )
    return float(stop.length) / float(length)


def _groups(data, problem, result, gauge, path) -> dict[str, dict]:
    """Return everything that the result file keeps, by group."""
    groups = {
        "data": {name: getattr(data, name) for name in ("ell", "c_ell", "log_error", "noise")}
        | {"label": data.label, "m0_blind": data.m0_blind, "debiased": data.debiased}
        | {"num_skies": data.num_skies, "compared_ell": problem.data.ell},
        "fit": {
            "names": ", ".join(problem.parameters.names),
            "priors": ", ".join(str(p.prior) for p in problem.parameters.parameters),
        }
        | _attributes(result, leave_out="posterior"),
        "posterior": _attributes(result.posterior),
    }
    if gauge is not None:
        groups["gradient"] = _attributes(gauge) | {"verdict": gauge.verdict()}
        groups["path_systematic"] = {
            "factors": path.factors,
            "c_1": path.c_1,
            "amplitude_factor": path.amplitude_factor,
        }
    return groups


def _attributes(module, leave_out: str = "") -> dict:
    """Return the fields of a module by name."""
    names = [field.name for field in dataclasses.fields(module)]
    return {name: getattr(module, name) for name in names if name != leave_out}


def _seconds(start: float) -> str:
    return f"{time.perf_counter() - start:.0f} s"
