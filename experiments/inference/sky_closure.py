"""Closure of fits to simulated skies, and calibration of their posteriors.

    python experiments/inference/sky_closure.py --case one-sky --bank DIR
    python experiments/inference/sky_closure.py --case joint --bank DIR

``one-sky``: dB/B0 and spectral index (with amplitude and trap, all free) from C_1 ... C_16 of one
sky. ``joint``: amplitude, dB/B0, mirror ratio and gradient from the mean of 32 skies. What is
planted is drawn from the priors; every data set has fields of its own, of another seed than the
emulator's. The bank keeps what was simulated: a stopped run goes on.
"""

import argparse
import dataclasses
import os
import time
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("NPROC", "1")

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import truncnorm

from jaxcr import infer
from jaxcr.runtime import write_record

RESULTS = Path(__file__).parents[1] / "results"
LEVEL = (np.log(0.8), 0.5, np.log(0.3), np.log(1.5))
INDEX = (5 / 3, 0.2, 1.2, 2.2)
"""Mean, width and bounds of the priors of ln dB/B0 and of the index: those of the emulator."""

CASES = {
    "one-sky": {"names": ("level", "index"), "seed": 20_000_003, "observers": 1, "fields": 1,
                "emulator_fields": 28, "samples": 512, "letter": "b", "sets": 280},
    "joint": {"names": ("level",), "seed": 30_000_001, "observers": 2, "fields": 4,
              "emulator_fields": 40, "samples": 1024, "letter": "c", "sets": 220},
}  # fmt: skip


def drawn(rng, mean, width, low, high, size):
    """Return draws of a Gaussian within bounds."""
    ends = ((low - mean) / width, (high - mean) / width)
    return truncnorm(*ends, mean, width).rvs(size, random_state=rng)


def simulated_sets(case: dict, num: int, bank: Path) -> list[dict]:
    """Return level, index, mean tensor, noise and number of skies of every data set."""
    rng = np.random.default_rng(7)
    levels = np.exp(drawn(rng, *LEVEL, 1000))
    indices = drawn(rng, *INDEX, 1000) if "index" in case["names"] else np.full(1000, 5 / 3)
    skies = infer.SkyEnsemble(seed=case["seed"], observers_per_axis=case["observers"])
    rows = []
    for i in range(num):
        file = bank / f"{case['letter']}{i}.npz"
        if not file.exists():
            p = skies.at(level=float(levels[i]), index=float(indices[i]))
            numbers = range(i * case["fields"], (i + 1) * case["fields"])
            found = [infer.simulate_tensors(skies, skies.turbulence(j, p), p) for j in numbers]
            tensors = np.concatenate([np.asarray(k) for k, _ in found])
            noise = np.mean([float(n) for _, n in found])
            part = file.with_suffix(".part.npz")
            np.savez(part, tensor=tensors.mean(0), level=levels[i], index=indices[i],
                     noise=noise, num=len(tensors))  # fmt: skip
            part.replace(file)
        with np.load(file) as stored:
            rows.append({name: stored[name] for name in stored.files})
    return rows


def planted_sets(case: dict, model: infer.SkyModel, rows: list[dict]):
    """Return planted values and data of all sets within the emulator's bounds."""
    planted, data = [], []
    parameters = model.parameters
    for row, key in zip(rows, jax.random.split(jax.random.key(11), len(rows)), strict=True):
        values = np.array(infer.draw_values(parameters, key))
        own = {"level": np.log(row["level"]), "index": row["index"]}
        values[1 : 1 + len(case["names"])] = [own[name] for name in case["names"]]
        inside = (values > np.asarray(parameters.lower)) & (values < np.asarray(parameters.upper))
        if inside.all():
            planted.append(values)
            series = jnp.exp(values[0]) * model.series(jnp.asarray(values))
            spectrum = infer.data_from_tensors(
                row["tensor"], float(row["noise"]), series, num_skies=int(row["num"])
            )
            data.append(model.comparable(spectrum))
    return np.array(planted), data


def main() -> None:
    """Simulate, emulate, fit everything, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=tuple(CASES), required=True)
    parser.add_argument("--sets", type=int, help="default: 280 skies, 220 means")
    parser.add_argument("--bank", type=Path, required=True)
    arguments = parser.parse_args()
    case = CASES[arguments.case]
    rows = simulated_sets(case, arguments.sets or case["sets"], arguments.bank)
    start = time.perf_counter()
    emulator = infer.build_emulator(
        infer.SkyEnsemble(), case["names"], num_fields=case["emulator_fields"],
        cache=arguments.bank / "emulator",
    )  # fmt: skip
    build = time.perf_counter() - start
    model = infer.SkyModel(emulator, infer.TrapSeries())
    planted, data = planted_sets(case, model, rows)
    problem = infer.Problem(model, data[0], likelihood=infer.choose_likelihood(model, data[0]))
    start = time.perf_counter()
    fits = infer.fit_many(
        problem, data, jnp.asarray(planted), jax.random.key(3), num_samples=case["samples"]
    )
    jax.block_until_ready(fits.ranks)
    seconds = time.perf_counter() - start
    report = infer.ClosureReport(
        model.parameters.names, planted, *(np.asarray(x) for x in
        (fits.means, fits.errors, fits.ranks, fits.effective_samples)),
    )  # fmt: skip
    chi2_p, ks_p = infer.uniformity(report.ranks)
    print(report.verdict())
    record = {
        "case": arguments.case,
        "convention": model.conventions(),
        "likelihood": str(problem.likelihood),
        "parameters": list(report.names),
        "data_sets": report.num,
        "skies_in_each": int(rows[0]["num"]),
        "multipoles": np.asarray(data[0].ell).tolist(),
        "skies_of_the_emulator": emulator.num_skies,
        "nodes": len(emulator.nodes),
        "coverage_68": report.coverage(0.68).tolist(),
        "coverage_95": report.coverage(0.95).tolist(),
        "error_of_coverage_68": report.coverage_error(0.68),
        "bias_in_sigma": report.bias.tolist(),
        "scatter_of_pulls": report.pulls.std(0, ddof=1).tolist(),
        "median_error": np.median(report.errors, axis=0).tolist(),
        "rank_p_chi2": chi2_p.tolist(),
        "rank_p_ks": ks_p.tolist(),
        "median_effective_samples": float(np.median(report.effective_samples)),
        "seconds_for_the_emulator_or_its_cache": build,
        "seconds_for_all_fits_with_compilation": seconds,
        "verdict": report.verdict(),
        "settings": {k: v for k, v in dataclasses.asdict(infer.SkyEnsemble()).items()
                     if isinstance(v, int | float)},
    }  # fmt: skip
    write_record(RESULTS / f"closure_{arguments.case.replace('-', '_')}.json", record)


if __name__ == "__main__":
    main()
