"""Closure (a): trap parameters from the C_l of the sky inside a trap.

    python experiments/inference/trap_closure.py [--num 400]

Twice: mirror ratio 2 and gradient 0.3 planted, and planted values drawn from the priors, whose
ranks must be uniform. Data: C_1 ... C_24 with errors of 10 % and white noise of
1e-4 of C_1, edges rounded by 0.05 rad. Free: ln A, ln(R-1), gradient.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import infer
from jaxcr.runtime import write_record

LMAX = 24
PLANTED = (float(np.log(1e-3)), 0.0, 0.3)
ERROR, NOISE = 0.1, 1e-4

STARTS = 512
"""Sharp dips of ln C_l wander with the trap: 4 to 64 of these starts find a bright best fit."""


def template(model: infer.TrapModel) -> infer.SpectrumData:
    """Return multipoles, errors and noise of the data."""
    ell = np.arange(1, LMAX + 1)
    largest = float(model.mean_spectrum(jnp.array(PLANTED))[1])
    return infer.SpectrumData(
        ell, np.ones(LMAX), np.full(LMAX, ERROR), np.full(LMAX, NOISE * largest)
    )


def row(report: infer.ClosureReport, seconds: float) -> dict:
    """Return the numbers of one closure."""
    return {
        "names": list(report.names),
        "num": report.num,
        "coverage_68": report.coverage(0.68).tolist(),
        "coverage_95": report.coverage(0.95).tolist(),
        "coverage_error_68": report.coverage_error(0.68),
        "bias_sigma": report.bias.tolist(),
        "pull_width": report.pulls.std(0).tolist(),
        "median_error": np.median(report.errors, 0).tolist(),
        "least_effective_samples": float(report.effective_samples.min()),
        "poorly_sampled": report.poorly_sampled.tolist(),
        "largest_pull": np.abs(report.pulls).max(0).tolist(),
        "verdict": report.verdict(),
        "seconds": seconds,
        "seconds_per_fit": seconds / report.num,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("experiments/results/trap_closure.json"))
    given = parser.parse_args()
    model = infer.TrapModel(infer.TrapSeries(lmax=LMAX, edge_width=0.05))
    data = template(model)
    problem = infer.Problem(model, data)

    def simulate(values, key):
        return infer.simulate_from(model, values, key, data)

    one, two = jax.random.split(jax.random.key(given.seed))
    started = time.perf_counter()
    fixed = infer.closure(
        problem, simulate, one, num=given.num, planted=jnp.array(PLANTED), num_starts=STARTS
    )
    middle = time.perf_counter()
    drawn = infer.calibration_ranks(problem, simulate, two, num=given.num, num_starts=STARTS)
    ended = time.perf_counter()
    print(fixed.verdict(), drawn.closure.verdict(), drawn.verdict(), sep="\n")
    write_record(
        given.out,
        {
            "planted": dict(zip(fixed.names, PLANTED, strict=True)),
            "ell": [1, LMAX],
            "error": ERROR,
            "noise_over_c1": NOISE,
            "starts": STARTS,
            "planted_values": row(fixed, middle - started),
            "drawn_from_priors": row(drawn.closure, ended - middle)
            | {
                "chi2_p": drawn.chi2_p.tolist(),
                "ks_p": drawn.ks_p.tolist(),
                "ranks_verdict": drawn.verdict(),
            },
        },
    )


if __name__ == "__main__":
    main()
