"""Calibrate the gauge of gradients: alarms on regular orbits, silence on chaotic ones.

    python experiments/inference/gauge.py [--cases 100] [--out experiments/results/gauge.json]

Small ensembles, each with its own seed, amplitude, index, outer scale and gyroradius: regular ones
with paths of 0.5 to 2 r_L, chaotic ones with 9 to 12 r_L. Grids of 32³ and 48³, skies of 768
orbits, 8 observers, 4 fields, a step of 0.15. Reported: how many are taken for the other kind,
and the three numbers behind it, so that the thresholds can be judged.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import infer
from jaxcr.fields import Linear, PowerLaw, UniformField, realise_grid
from jaxcr.infer.gradients import report as gauge
from jaxcr.orbits import Boris, PathLength
from jaxcr.runtime import write_record
from jaxcr.sky import DipoleBoundary, backtrack, cross_spectrum, half_maps
from jaxcr.units import GYRORADIUS

LMAX = 8
NUM_FIELDS = 4
STEP = 0.15
AXIS = jnp.array(infer.AXIS, jnp.float32)


@eqx.filter_jit
def spectra(turbulence, level, gyroradius, path, num_steps):
    """Return half-cross C_l of 8 observers; lengths in cells, path in gyroradii."""
    half = turbulence.shape[0] / 2
    lattice = jnp.stack(jnp.meshgrid(*[jnp.array([0.0, half])] * 3), axis=-1).reshape(-1, 3)
    length = path * gyroradius
    arrivals = backtrack(
        UniformField(AXIS) + level * turbulence, rigidity=gyroradius / GYRORADIUS,
        stop=PathLength(length), pusher=Boris(length / num_steps), observer=lattice,
        nside=4, per_pixel=4, dtype=jnp.float32,
    )  # fmt: skip
    boundary = DipoleBoundary(AXIS, jnp.float32(1))
    return cross_spectrum(*half_maps(arrivals, boundary), lmax=LMAX)


def draw_case(seed: int, regular: bool) -> dict:
    """Return the parameters of one case."""
    rng = np.random.default_rng([seed, regular])
    cells = int(rng.choice([32, 48]))
    return {
        "seed": seed,
        "cells": cells,
        "level": float(rng.uniform(0.3, 1.2)),
        "index": float(rng.uniform(1.2, 2.2)),
        "outer_scale": float(rng.uniform(0.25, 0.5)) * cells,
        "gyroradius": float(rng.uniform(5, 10)),
        "path": float(rng.uniform(0.5, 2) if regular else rng.uniform(9, 12)),
    }


def report_of(case: dict, regular: bool):
    """Return the gradient report of one case."""

    def skies(level, number):
        key = jax.random.fold_in(jax.random.key(case["seed"]), number + 1000 * regular)
        law = PowerLaw(case["index"], outer_scale=case["outer_scale"], inner_scale=4.0)
        turbulence = realise_grid(
            law, key=key, shape=(case["cells"],) * 3, spacing=1.0, rms=1.0, stencil=Linear(),
            exact_rms=True,
        )  # fmt: skip
        numbers = (jnp.float32(case["gyroradius"]), jnp.float32(case["path"]))
        # a tenth of the smallest gyroradius a step, and one program for each kind
        return spectra(turbulence, level, *numbers, 20 if regular else 120)

    return infer.spectrum_gradient(
        skies, jnp.float32(case["level"]), num_fields=NUM_FIELDS, name="dB/B0", step=STEP
    )


def measure(num_cases: int, regular: bool) -> list[dict]:
    """Return cases with the numbers that the gauge looks at."""
    rows = []
    for seed in range(num_cases):
        case = draw_case(seed, regular)
        report = report_of(case, regular)
        rows.append(
            case
            | {
                "noise_ratio": report.noise_ratio,
                "tail": report.tail,
                "worst_z": report.worst_z,
                "trusted": report.trusted,
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rows = {"regular": measure(args.cases, True), "chaotic": measure(args.cases, False)}
    result = {
        "false_alarms": float(np.mean([not row["trusted"] for row in rows["regular"]])),
        "missed_chaos": float(np.mean([row["trusted"] for row in rows["chaotic"]])),
        "thresholds": {
            "noise_ratio": gauge.NOISY,
            "tail": gauge.HEAVY_TAIL,
            "worst_z": gauge.AGREEMENT,
        },
    }
    for kind, cases in rows.items():
        for name in ("noise_ratio", "tail", "worst_z"):
            values = np.quantile([case[name] for case in cases], (0.01, 0.05, 0.5, 0.95, 0.99))
            result[f"{kind} {name} at 1, 5, 50, 95, 99 %"] = values.tolist()
    print(*[f"{name}: {value}" for name, value in result.items()], sep="\n")
    if args.out:
        write_record(args.out, result | rows)


if __name__ == "__main__":
    main()
