"""``jaxcr fit``: data, simulated skies, fit, report, result folder, pictures."""

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxcr import infer, observed
from jaxcr.cli import report
from jaxcr.cli.checks import check_data, check_fit
from jaxcr.cli.config import Fit
from jaxcr.cli.fit_pictures import draw, draw_gradient
from jaxcr.cli.fit_skies import FitSkies, best_parameters, fit_skies
from jaxcr.cli.fit_uncertainty import extra_uncertainty
from jaxcr.cli.named_values import named_values
from jaxcr.cli.output import Outcome, progress_bar
from jaxcr.cli.toml_settings import as_dict
from jaxcr.fields import UniformField
from jaxcr.orbits import PathLength, lyapunov_length
from jaxcr.runtime import result_folder, write_result
from jaxcr.sky import pixel_centers
from jaxcr.units import GYRORADIUS


def run_fit(config: Fit) -> Outcome:
    """Run the whole job and leave a result folder behind."""
    clock = time.perf_counter()
    check_fit(config)
    with result_folder(config.out, kind="fit", overwrite=config.overwrite) as folder:
        outcome = _fit(config, folder)
        print(f"\n{folder}/ has result.h5, report.txt and the pictures ({_seconds(clock)})")
    return outcome


def _fit(config: Fit, folder: Path) -> Outcome:
    """Fit, and write everything into the folder."""
    simulated = fit_skies(config)
    skies, axes = simulated.skies, simulated.axes
    traps = infer.TrapSeries(
        lmax=skies.boundary_lmax,
        edge_width=config.traps.edge_width,
        num_sites=config.traps.num_sites,
    )
    parameters = infer.default_parameters(axes)
    parameters = parameters.with_fixed(named_values("--fix", config.fix, parameters))
    if not np.any(parameters.is_free):
        raise ValueError("--fix: expected a parameter that is left free, got none. Leave one out.")
    truth = None if config.simulate is None else planted_values(config, skies, axes, parameters)
    data = _data(config, skies, traps, axes, truth)
    check_data(data, skies)
    target = f"target: {data.label}, l = {data.ell[0]} to {data.ell[-1]}"
    print(target)
    model = infer.SkyModel(
        simulated.emulator(data.num_skies), traps, bright_nodes=simulated.bright_nodes
    )
    problem = _problem(model, data, parameters)
    dropped = sorted(set(data.ell.tolist()) - set(problem.data.ell.tolist()))
    head = [target]
    if dropped:
        head.append(f"dropped, below 3 sigma of the simulation's noise: l = {dropped}")
        print(head[-1])
    result = infer.fit(
        problem,
        num_starts=config.num_starts,
        optimisers=(infer.LevenbergMarquardt(), infer.Adam(num_steps=config.adam_steps)),
    )
    extra = extra_uncertainty(config, folder, problem, result, truth)
    numbers = report.fit_numbers(problem, extra.result, truth) | {"dropped_multipoles": dropped}
    warnings = tuple(extra.result.warnings.splitlines())
    fixed = _fixed_line(config, problem, simulated)
    told = _lines(problem, extra.result, truth, numbers["derived"], fixed, warnings) + extra.text
    lines = "\n".join([*head, told])
    groups = extra.groups | _groups(data, problem, extra.result)
    _write(config, folder, groups, lines)  # before anything that may be stopped
    print(told, flush=True)
    with ThreadPoolExecutor(1) as beside:  # half of either is compilation, on one core
        pictures = beside.submit(draw, folder, problem, extra.result, skies, data, truth)
        gauge, path = _gauges(config, skies, problem, extra.result)
        groups = pictures.result() | groups
    if gauge is not None:
        draw_gradient(folder, gauge)
        told, found, doubts = _gradient_findings(skies, problem, extra.result, gauge, path)
        lines, warnings = f"{lines}\n\n{told}", warnings + doubts
        groups |= found
        numbers |= {"gradient_verdict": found["gradient"]["verdict"]}
    _write(config, folder, groups, lines)
    if gauge is not None:
        print("", told, sep="\n\n")
    return Outcome(numbers, folder, warnings=warnings)


def _write(config: Fit, folder: Path, groups: dict[str, dict], lines: str) -> None:
    """Write numbers and text."""
    write_result(
        folder / "result.h5",
        configuration=as_dict(config),
        seeds={"model": config.sky.seed, "simulate": config.simulate},
        groups=groups,
    )
    (folder / "report.txt").write_text(lines + "\n", encoding="utf-8")


def planted_values(
    config: Fit,
    skies: infer.SkyEnsemble,
    axes: tuple[infer.TurbulenceAxis, ...],
    parameters: infer.ParameterSet,
) -> np.ndarray:
    """Return the values to plant: the defaults, the ensemble's own, and what was asked for."""
    values = dict(zip(("ln A", "ln dB/B0", "ln(R-1)", "gradient"), infer.PLANTED, strict=True))
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
    """Return what is fitted."""
    compared = model.comparable(data)
    return infer.Problem(model, compared, parameters, infer.choose_likelihood(model, compared))


def _fixed_line(config: Fit, problem: infer.Problem, simulated: FitSkies) -> str:
    """Return what was not fitted."""
    return (
        f"fixed: {problem.model.conventions()}, {simulated.fixed}, closure: detailed balance, "
        f"N = {config.traps.num_sites}, edge width {config.traps.edge_width:g} rad"
    )


def _lines(problem, result, truth, derived, fixed: str, warnings: tuple[str, ...]) -> str:
    """Return the report of the fit itself."""
    return "\n".join(
        [
            "",
            report.fit_table(problem, result, truth),
            "",
            report.derived_lines(problem, derived),
            report.constraint_lines(problem, result),
            report.likelihood_line(problem),
            report.emulator_line(problem),
            report.goodness_lines(result),
            fixed,
            *(f"warning: {line}" for line in warnings),
        ]
    )


def _gauges(config: Fit, skies: infer.SkyEnsemble, problem: infer.Problem, result):
    """Return the gradient report and the path systematic at the best fit, or ``None``."""
    num = config.gradient_fields
    if num is None:
        num = 3 if config.energy is None else 0
    if num == 0:
        return None, None
    axes = problem.model.emulator.axes
    parameters = best_parameters(skies, problem, result)
    first = axes[0].field
    where = float(getattr(parameters, first))
    gauge = infer.spectrum_gradient(
        lambda value, number: infer.simulated_spectra(
            skies, parameters.at(**{first: value}), number
        ),
        where,
        num_fields=num,
        names=("dB/B0" if first == "level" else first,),
        step=min(0.3, 0.5 * where),
        path_over_lyapunov=_path_over_lyapunov(skies, parameters),
        progress=progress_bar("gradient report", unit="field"),
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


def _gradient_findings(skies, problem, result, gauge, path):
    """Return text, groups of the result file and warnings of the gradient report."""
    length = _path_in_gyroradii(skies, best_parameters(skies, problem, result))
    verdict = report.gradient_verdict(gauge, length)
    text = report.gradient_table(gauge, length)
    numbers = _attributes(gauge) | {"verdict": verdict, "ell": np.arange(gauge.spectrum.size)}
    groups = {"gradient": numbers}
    if path is not None:
        text += "\n\n" + report.path_line(path)
        groups["path_systematic"] = {
            "factors": path.factors,
            "c_ell": path.c_ell,
            "change": path.change.value,
            "change_error": path.change.error,
            "amplitude_factor": path.amplitude_factor,
        }
    return text, groups, (verdict,) if gauge.believed == "difference" else ()


def _path_in_gyroradii(skies: infer.SkyEnsemble, parameters: infer.SkyParameters) -> float:
    """Return the length of the orbits in gyroradii; nan where they end on a sphere."""
    stop = skies.convention.stop(parameters)
    if not isinstance(stop, PathLength):
        return float("nan")
    return float(stop.length) / float(parameters.gyroradius)


def _groups(data, problem, result) -> dict[str, dict]:
    """Return everything that the result file keeps, by group."""
    return {
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


def _attributes(module, leave_out: str = "") -> dict:
    """Return the fields of a module by name."""
    names = [field.name for field in dataclasses.fields(module)]
    return {name: getattr(module, name) for name in names if name != leave_out}


def _seconds(start: float) -> str:
    return f"{time.perf_counter() - start:.0f} s"
