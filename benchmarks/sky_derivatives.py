"""What forward-mode derivatives of a sky cost, relative to the sky itself.

    python benchmarks/sky_derivatives.py [--out benchmarks/results/sky_derivatives.json]

The job: the C_l of a dipole seen through orbits of 3 gyroradii (20 cells) in 128³ cells of
isotropic turbulence, nside 8 with 4 orbits a pixel. Four parameters share each gather: dB/B0,
rigidity, mean field, axis. The spectral index and the outer scale come on top through tangent
grids, which are made with the field. Processor time after compilation, best of three.
"""

import argparse
import time
from pathlib import Path

import jax
import jax.numpy as jnp

from jaxcr import fields, orbits, sky, units
from jaxcr.runtime import write_record

GYRORADIUS, RMS = 20.0, 3.0


def turbulence(shape_parameters, cells: int, stencil) -> fields.Field:
    """Return turbulence of a spectral index and an outer scale."""
    spectrum = fields.PowerLaw(
        shape_parameters[0], outer_scale=shape_parameters[1], inner_scale=4.0
    )
    return fields.realise_grid(
        spectrum, key=jax.random.key(0), shape=(cells,) * 3, spacing=1.0, rms=RMS,
        stencil=stencil, storage=jnp.float32,
    )  # fmt: skip


def spectrum_of(theta, grid):
    """Return the C_l for dB/B0, rigidity, mean field and axis, each one at its reference."""
    level, rigidity, strength, tilt = theta
    axis = jnp.stack([jnp.cos(tilt), jnp.sin(tilt), jnp.zeros_like(tilt)])
    field = fields.UniformField(RMS * strength * axis) + level * grid
    arrivals = sky.backtrack(
        field, rigidity=GYRORADIUS * RMS / units.GYRORADIUS * rigidity,
        stop=orbits.PathLength(3 * GYRORADIUS), observer=jnp.zeros(3), nside=8, per_pixel=4,
        pusher=orbits.Boris(0.5), dtype=jnp.float32, devices=jax.local_devices()[:1],
    )  # fmt: skip
    maps = sky.intensity_map(arrivals, sky.DipoleBoundary(axis, 1.0))
    return sky.power_spectrum(maps, lmax=12)


def seconds(run) -> float:
    """Return the best of three processor times of a compiled call."""
    jax.block_until_ready(run())
    times = []
    for _ in range(3):
        start = time.process_time()
        jax.block_until_ready(run())
        times.append(time.process_time() - start)
    return min(times)


def measure(cells: int) -> list[dict]:
    """Return one row for each stencil."""
    rows = []
    theta, shape_parameters = jnp.array([1.0, 1.0, 1.0, 0.0]), jnp.array([5 / 3, 0.4 * cells])
    for stencil in (fields.Linear(), fields.CubicSpline()):

        def grid(p):
            return turbulence(p, cells, stencil)  # noqa: B023

        def everything(theta, p):
            return spectrum_of(theta, grid(p))

        made = grid(shape_parameters)
        plain = jax.jit(spectrum_of)
        four = jax.jit(jax.jacfwd(spectrum_of))
        six = jax.jit(jax.jacfwd(everything, argnums=(0, 1)))
        make = jax.jit(grid)
        whole = jax.jit(everything)
        times = {
            "sky": seconds(lambda: plain(theta, made)),  # noqa: B023
            "sky_and_four_derivatives": seconds(lambda: four(theta, made)),  # noqa: B023
            "field": seconds(lambda: make(shape_parameters).coefficients),  # noqa: B023
            "field_and_sky": seconds(lambda: whole(theta, shape_parameters)),  # noqa: B023
            "field_sky_and_six_derivatives": seconds(lambda: six(theta, shape_parameters)),  # noqa: B023
        }
        row = {
            "stencil": type(stencil).__name__,
            **times,
            "four_over_sky": times["sky_and_four_derivatives"] / times["sky"],
            "six_over_field_and_sky": times["field_sky_and_six_derivatives"]
            / times["field_and_sky"],
        }
        rows.append(row)
        print(row, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cells", type=int, default=128)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    result = {"rows": measure(args.cells), "cells": args.cells}
    if args.out:
        write_record(args.out, result)


if __name__ == "__main__":
    main()
