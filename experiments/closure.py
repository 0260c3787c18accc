"""Closure of the fit: plant parameters, simulate other fields, fit them back, many times.

    python experiments/closure.py [--seeds 20] [--skies 32] [--out experiments/results/closure.json]

Two statistics over all fits, four degrees of freedom each. The posterior ratio at the planted
values, 2 ln P(best)/P(planted), is chi-squared whatever the shape of the posterior. The pulls of
the posterior's mean, with its covariance, are smaller than chi-squared by construction: three
priors are centred on what is planted, and eta returns its prior. Data: C_1 to C_16 averaged over
independent skies in fields that the model never saw. All fits share one table of simulated skies.
"""

import argparse
import dataclasses
import json
import os
import time
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(os.cpu_count()))

import jax.numpy as jnp
import numpy as np
from scipy.stats import chi2

from jaxcr import infer
from jaxcr.cli.config import Fit
from jaxcr.cli.fit import ensemble, transfer_table
from jaxcr.infer.likelihood import posterior_residuals
from jaxcr.runtime import write_record


def fit_back(config: Fit, skies, traps, model, seed: int, num_skies: int) -> tuple:
    """Return the model, and pulls, chi-squared and errors of one simulated data set."""
    truth = np.array(infer.PLANTED)
    data = infer.simulate_data(skies, traps, jnp.asarray(truth), seed=seed, num_skies=num_skies)
    data = dataclasses.replace(data, label="simulated")  # a label of its own compiles again
    if model is None:
        model = infer.SkyModel(transfer_table(config, skies, data), traps)
    compared = model.comparable(data)
    problem = infer.Problem(model, compared, infer.default_parameters(model.table))
    result = infer.fit(problem, num_starts=4, adam_steps=1)
    values, covariance = (
        np.asarray(x) for x in (result.posterior.mean, result.posterior.covariance)
    )
    cost_of_truth = float(jnp.sum(posterior_residuals(problem, jnp.asarray(truth)) ** 2))
    away = values - truth
    expected = model.predict(jnp.asarray(truth), compared)
    spread = np.sqrt(np.diagonal(np.asarray(expected.log_covariance)))
    return model, {
        "seed": seed,
        "ell": compared.ell.tolist(),
        "residual_at_truth": ((np.log(compared.total()) - expected.log_mean) / spread).tolist(),
        "values": values.tolist(),
        "errors": np.sqrt(np.diagonal(covariance)).tolist(),
        "pulls": (away / np.sqrt(np.diagonal(covariance))).tolist(),
        "chi2_of_pulls": float(away @ np.linalg.solve(covariance, away)),
        "posterior_ratio": cost_of_truth - result.cost,
        "best_fit": np.asarray(result.values).tolist(),
        "effective_samples": float(result.posterior.effective_samples),
        "fit_chi2": result.chi_squared,
        "fit_p": result.p_value,
        "num_ell": int(compared.ell.size),
    }


def statistic(rows: list[dict], name: str, freedom: int) -> dict:
    """Return the sum of one statistic over all fits, and its p-value."""
    total = sum(row[name] for row in rows)
    return {
        "chi2": total,
        "degrees_of_freedom": freedom,
        "p_value": float(chi2.sf(total, freedom)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--skies", type=int, default=32)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    config = Fit()
    skies = ensemble(config)
    traps = infer.TrapSeries()
    start, rows, model = time.perf_counter(), [], None
    for seed in range(args.seeds):
        model, row = fit_back(config, skies, traps, model, seed, args.skies)
        rows.append(row)
        print(json.dumps(rows[-1]), flush=True)
    pulls = np.array([row["pulls"] for row in rows])
    summary = {
        "parameters": ["ln A", "ln dB/B0", "ln(R-1)", "eta"],
        "planted": list(infer.PLANTED),
        "posterior_ratio": statistic(rows, "posterior_ratio", pulls.size),
        "chi2_of_pulls": statistic(rows, "chi2_of_pulls", pulls.size),
        "pull_mean": pulls.mean(0).tolist(),
        "pull_sd": pulls.std(0, ddof=1).tolist(),
        "share_within_one_sigma": np.mean(np.abs(pulls) < 1, axis=0).tolist(),
        "median_error": np.median([row["errors"] for row in rows], axis=0).tolist(),
        "skies": args.skies,
        "seconds": time.perf_counter() - start,
        "rows": rows,
    }
    print(json.dumps({k: v for k, v in summary.items() if k != "rows"}, indent=1))
    if args.out:
        write_record(args.out, summary)


if __name__ == "__main__":
    main()
