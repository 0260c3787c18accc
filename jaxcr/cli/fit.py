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
from jaxcr.cli.toml_settings import as_dict
from jaxcr.infer.emulator.table import table_arrays, table_from_file
from jaxcr.orbits import lyapunov_length
from jaxcr.runtime import cached_arrays, result_folder, write_result
from jaxcr.units import GYRORADIUS

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
    skies, traps = (
        ensemble(config),
        infer.TrapSeries(
            lmax=config.sky.boundary_lmax,
            edge_width=config.traps.edge_width,
            num_sites=config.traps.num_sites,
        ),
    )
    truth = None if config.simulate is None else np.array(infer.PLANTED)
    data = _data(config, skies, traps)
    check_data(config, data)
    print(f"target: {data.label}, l = {data.ell[0]} to {data.ell[-1]}")
    table = transfer_table(config, skies, data)
    model = infer.SkyModel(table, traps)
    compared = model.comparable(data)
    dropped = sorted(set(data.ell.tolist()) - set(compared.ell.tolist()))
    if dropped:
        print(f"dropped, below 3 sigma of the simulation's noise: l = {dropped}")
    problem = infer.Problem(model, compared, infer.default_parameters(table))
    result = infer.fit(problem, num_starts=config.num_starts, adam_steps=config.adam_steps)
    lines = _lines(config, problem, result, truth)
    print(lines, flush=True)
    with ThreadPoolExecutor(1) as beside:  # half of either is compilation, on one core
        pictures = beside.submit(draw, folder, problem, result, skies, data, truth)
        gauge, path = _gauges(config, skies, result)
        groups = pictures.result()
    if gauge is not None:
        draw_gradient(folder, gauge)
        extra = "\n".join(["", report.gradient_table(gauge), "", report.path_line(path)])
        print(extra, flush=True)
        lines += "\n" + extra
    groups |= _groups(data, problem, result, gauge, path)
    write_result(
        folder / "result.h5",
        configuration=as_dict(config),
        seeds={"model": config.sky.seed, "simulate": config.simulate},
        groups=groups,
    )
    (folder / "report.txt").write_text(lines + "\n", encoding="utf-8")


def ensemble(config: Fit) -> infer.SkyEnsemble:
    """Return the ensemble of the configuration."""
    settings = dataclasses.asdict(config.sky)
    del settings["num_fields"], settings["nodes"]
    return infer.SkyEnsemble(**settings)


def _data(config: Fit, skies, traps) -> infer.SpectrumData:
    """Return what is to be fitted."""
    if config.simulate is not None:
        print(f"simulating {config.skies} skies with the planted parameters")
        return infer.simulate_data(
            skies, traps, jnp.array(infer.PLANTED), seed=config.simulate, num_skies=config.skies
        )
    if config.target is not None:
        return observed.read_spectrum(
            config.target,
            num_skies=config.target_skies,
            m0_blind=config.m0_blind,
            debiased=config.debiased,
        )
    return observed.working_level_spectrum()


def transfer_table(config: Fit, skies: infer.SkyEnsemble, data) -> infer.TransferTable:
    """Return the transfer tensors over dB/B0, from the cache if they are there."""
    needed = -(-_SKIES_PER_TARGET_SKY * data.num_skies // skies.num_observers)
    num_fields = max(config.sky.num_fields, needed if data.num_skies > 1 else 0)
    key = dataclasses.asdict(config.sky) | {"num_fields": num_fields, "format": 1}

    def compute():
        table = infer.build_transfer_table(
            skies,
            num_fields=num_fields,
            nodes=config.sky.nodes,
            progress=lambda x: tqdm(x, desc=f"skies in {num_fields} fields", unit="field"),
        )
        return table_arrays(table)

    if not config.cache:
        return table_from_file(compute())
    arrays, found = cached_arrays("transfer", key, compute)
    if found:
        print("transfer tensors from the cache")
    return table_from_file(arrays)


def _lines(config: Fit, problem, result, truth) -> str:
    """Return the report of the fit itself."""
    sky = config.sky
    fixed = (
        f"fixed: path {sky.path:g} gyroradii, r_L = {sky.gyroradius:g} of {sky.cells} cells, index "
        f"{sky.index:.3g}, outer scale {sky.outer_scale:g} cells, closure: detailed balance, "
        f"N = {config.traps.num_sites}, edge width {config.traps.edge_width:g} rad"
    )
    return "\n".join(
        [
            "",
            report.fit_table(problem, result, truth),
            "",
            report.derived_lines(problem, result),
            report.constraint_lines(problem, result),
            report.goodness_lines(result),
            fixed,
        ]
    )


def _gauges(config: Fit, skies: infer.SkyEnsemble, result):
    """Return the gradient report and the path systematic at the best fit, or two ``None``."""
    if config.gradient_fields == 0:
        return None, None
    level = float(jnp.exp(result.values[1]))
    num = config.gradient_fields
    length = _lyapunov(skies, level)
    gauge = infer.spectrum_gradient(
        lambda value, number: infer.simulated_spectra(skies, value, number),
        level,
        num_fields=num,
        name="dB/B0",
        step=min(0.3, 0.5 * level),
        path_over_lyapunov=skies.path * skies.gyroradius / length,
        progress=lambda x: tqdm(list(x), desc="gradient report", unit="field"),
    )
    return gauge, infer.path_systematic(skies, level, num_fields=num)


def _lyapunov(skies: infer.SkyEnsemble, level: float) -> float:
    """Return the Lyapunov length in cells, from 256 orbits in the first field."""
    from jaxcr.fields import UniformField
    from jaxcr.sky import pixel_centers

    field = UniformField(jnp.array(infer.AXIS)) + level * skies.turbulence(0)
    directions = jnp.asarray(pixel_centers(4))
    return float(
        lyapunov_length(
            field,
            jnp.zeros(3),
            directions,
            rigidity=skies.gyroradius / GYRORADIUS,
            path_length=skies.path * skies.gyroradius,
        )
    )


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
