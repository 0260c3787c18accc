"""Turn a state of simulate.py into the cube that jaxcr ships: projected, scaled, int16, described.

    python experiments/mhd_snapshot/ship.py STATE.npz --parameters '{"seed": 7}'

Writes jaxcr/fields/data/mhd_snapshot.h5, and beside this file report.txt, field.png, result.json.
"""

import argparse
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, plots, runtime
from jaxcr.fields.field import sample_field

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "jaxcr" / "fields" / "data" / "mhd_snapshot.h5"
BOX = 25.0  # pc
MEAN_FIELD = 3.0  # µG
OUTER_SHARE = 0.4  # of the box: the driven wavelength
RIGIDITIES = (0.75, 7.5)  # PV


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("state", type=Path)
    parser.add_argument("--parameters", type=json.loads, default={}, help="JSON of the run")
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    with np.load(args.state) as state:
        samples = MEAN_FIELD * np.moveaxis(state["magnetic_field"], 0, -1).astype(float)
        density = state["density"]
        numbers = {
            name: float(state[name]) for name in ("time", "beta", "alfven_mach", "sonic_mach")
        }
    cells = samples.shape[0]
    place = {"spacing": BOX / cells, "origin": jnp.full(3, -BOX / 2)}
    raw = fields.GridField(jnp.asarray(samples), **place)
    cube = fields.solenoidal_part(raw)
    report = fields.describe(cube, rigidities=RIGIDITIES)
    notes = {
        "code": "astronomix 0.6.6, finite differences (WENO, constrained transport), isothermal",
        "driving": "solenoidal, Ornstein-Uhlenbeck, wavelength 0.4 boxes",
        **numbers,
        "density_rms_over_mean": float(density.std() / density.mean()),
        "cells": cells,
        "injection_cells": OUTER_SHARE * cells,
        "fluctuation_over_mean_field": float(report.rms / jnp.linalg.norm(report.mean)),
        "divergence_before_projection": float(fields.describe(raw).divergence),
        "run": args.parameters,
        "report": str(report),
    }
    SHIPPED.parent.mkdir(exist_ok=True)
    fields.write_field(SHIPPED, cube, storage=jnp.int16, notes=notes)
    (HERE / "report.txt").write_text(f"{report}\n", encoding="utf-8")
    picture = plots.plot_field(report, np.asarray(sample_field(cube, report.lattice)))
    picture.savefig(HERE / "field.png", dpi=80)
    result = notes | {
        "wavenumber": np.asarray(report.wavenumber).tolist(),
        "spectrum": np.asarray(report.spectrum).tolist(),
        "versions": runtime.versions(),
    }
    (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(report)
    print(f"{SHIPPED.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
