"""How the spectrum grows with path and radius: dipole falls, high multipoles rise, shape settles.

    python experiments/angular_spectrum/growth.py [--cells 256] [--fields 32] [--out NAME]

The third published particle set, 30 PeV: gyroradius 9.8 pc, outer scale 100 pc, box 250 pc, here in
synthetic isotropic Kolmogorov turbulence with dB = B0, sampled on 256³ cells of twice the published
size unless --cells 512. One observer in each field, spheres of 10, 20, 60 and 90 pc, and fixed
paths of 1 to 20 gyroradii. Boundary: momentum against the local field (the published choice) for
spheres, and against the mean field for paths. Source: López-Barquero et al., ApJ 830 (2016) 19.
"""

import argparse
import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib import colormaps

from jaxcr import fields, orbits, sky
from jaxcr.plots.style import GREY, add_legend, new_figure, polish
from jaxcr.runtime import write_record

AXIS = jnp.array([1.0, 0.0, 0.0])
RADII = (10.0, 20.0, 60.0, 90.0)
PATHS = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 20.0)
"""In gyroradii."""
HIGH = slice(8, 17)


def make_field_of(particles: orbits.ParticleSet, cells: int):
    """Return the function from a number to a field of the set's box on ``cells``³ cells."""
    cell = particles.cells * particles.cell / cells
    spectrum = fields.PowerLaw(5 / 3, outer_scale=particles.outer_scale, inner_scale=4 * cell)

    @functools.lru_cache(maxsize=1)  # spheres and paths are traced in the same field
    def make_field(number: int) -> fields.Field:
        turbulence = fields.realise_grid(
            spectrum, key=jax.random.fold_in(jax.random.key(20), number), shape=(cells,) * 3,
            spacing=cell, rms=particles.mean_field, storage=jnp.float32,
        )  # fmt: skip
        return fields.UniformField(particles.mean_field * AXIS) + turbulence

    return make_field


def measure(particles, make_field, numbers, nside: int, per_pixel: int, lmax: int) -> dict:
    """Return half-cross spectra in units of the power of the unmixed dipole, 4 pi / 9."""
    options = {
        "rigidity": particles.rigidity, "observer": jnp.zeros(3, jnp.float32), "nside": nside,
        "per_pixel": per_pixel, "lmax": lmax, "dtype": jnp.float32,
        "pusher": orbits.Boris(step_cells=0.5),
    }  # fmt: skip
    spheres, paths = [], []
    for number in numbers:
        spheres.append(
            sky.realisation_spectra(
                make_field, [number], stop=orbits.Sphere(jnp.array(RADII)),
                boundary=lambda field: sky.DipoleBoundary(field, -1.0), **options,
            )[0]
        )  # fmt: skip
        paths.append(
            sky.realisation_spectra(
                make_field, [number], boundary=sky.DipoleBoundary(AXIS, 1.0),
                stop=orbits.PathLength(jnp.array(PATHS) * particles.gyroradius), **options,
            )[0]
        )  # fmt: skip
        print(f"field {number}: C_1 {np.asarray(spheres[-1])[:, 1]}", flush=True)
    unit = 4 * np.pi / 9
    return {"radius": np.asarray(spheres, float) / unit, "path": np.asarray(paths, float) / unit}


def statements(spectra: np.ndarray, stops, name: str) -> list[dict]:
    """Return the published statements with what was found, each with standard errors."""
    num = len(spectra)

    def change(values, first, last):
        step = values[:, last] - values[:, first]
        return float(step.mean()), float(step.std(ddof=1) / np.sqrt(num))

    dipole, high = spectra[:, :, 1], spectra[:, :, HIGH].mean(axis=2)
    fall, fall_error = change(dipole, 0, -1)
    peak = int(np.argmax(high.mean(axis=0)))
    rise, rise_error = change(high, 0, peak)
    shape, error = _shape(spectra)
    settle = np.abs(shape[-1] - shape[-2]) / np.hypot(error[-1], error[-2])
    start = np.abs(shape[-1] - shape[0]) / np.hypot(error[-1], error[0])
    return [
        {"statement": f"dipole power falls with the {name}", "change": fall, "error": fall_error,
         "holds": fall < -3 * fall_error},
        {"statement": f"power at l = 8-16 rises with the {name}", "change": rise,
         "error": rise_error, "largest_at": float(stops[peak]), "holds": rise > 3 * rise_error},
        {"statement": f"the shape settles at the largest {name}",
         "last_step_sigma": float(settle.max()), "from_first_sigma": float(start.max()),
         "log_ratios": shape.tolist(), "log_ratio_errors": error.tolist(),
         "holds": bool(settle.max() < 3 < start.max())},
    ]  # fmt: skip


def _shape(spectra: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ln of the mean power at l = 5-10 and 11-16 over that at 2-4, with jackknife errors."""
    groups = np.stack([spectra[:, :, a:b].mean(axis=2) for a, b in ((2, 5), (5, 11), (11, 17))], -1)

    def ratios(mean):
        return np.log(np.maximum(mean[:, 1:], 1e-12) / mean[:, :1])

    num = len(groups)
    without = np.stack([ratios((groups.sum(0) - row) / (num - 1)) for row in groups])
    error = np.sqrt((num - 1) * np.mean((without - without.mean(0)) ** 2, axis=0))
    return ratios(groups.mean(axis=0)), error


def draw(spectra: dict, noise_free_cascade: np.ndarray):
    """Return spectra at each radius and path, with the band of 68 % of the realisations."""
    figure = new_figure(14, 6)
    for axes, (name, stops, unit) in zip(
        figure.subplots(1, 2),
        (("radius", RADII, "pc"), ("path", PATHS, "gyroradii")), strict=True,
    ):  # fmt: skip
        axes.set(xscale="log", yscale="log")
        values = spectra[name][:, :, 1:]
        ell = np.arange(1, values.shape[2] + 1)
        for place, color in enumerate(colormaps["viridis"](np.linspace(0, 0.9, len(stops)))):
            mean = values[:, place].mean(axis=0)
            low, high = np.percentile(values[:, place], [16, 84], axis=0)
            axes.plot(ell, np.where(mean > 0, mean, np.nan), color=color, lw=2,
                      label=f"{stops[place]:g} {unit}")  # fmt: skip
            axes.fill_between(ell, np.maximum(low, 1e-9), high, color=color, alpha=0.15, lw=0)
        axes.plot(ell, noise_free_cascade[1:] * values[:, -1, 0].mean(), color=GREY, ls="--",
                  label="cascade of a dipole")  # fmt: skip
        axes.set_ylim(1e-6, 3)
        add_legend(axes, loc="lower left")
        polish(axes, x_label=r"multipole $\ell$", y_label=r"$C_\ell$ / $C_1$ without turbulence",
               title=f"by {name}: mean and 68 % of {len(values)} realisations")  # fmt: skip
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON and PNG, without the ending")
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--fields", type=int, default=32)
    parser.add_argument("--nside", type=int, default=16)
    parser.add_argument("--per-pixel", type=int, default=16)
    parser.add_argument("--lmax", type=int, default=32)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    particles = orbits.PARTICLE_SETS["30PeV"]
    spectra = measure(
        particles, make_field_of(particles, args.cells), range(args.fields), args.nside,
        args.per_pixel, args.lmax,
    )  # fmt: skip
    verdicts = statements(spectra["radius"], RADII, "radius") + statements(
        spectra["path"], PATHS, "path"
    )
    for verdict in verdicts:
        print({k: v for k, v in verdict.items() if not k.startswith("log")})
    if args.out:
        record = {
            "cells": args.cells, "fields": args.fields, "orbits": 12 * args.nside**2
            * args.per_pixel, "gyroradius_pc": particles.gyroradius, "radii_pc": RADII,
            "paths_gyroradii": PATHS, "statements": verdicts,
            "mean": {k: v.mean(axis=0).tolist() for k, v in spectra.items()},
            "band_68": {k: np.percentile(v, [16, 84], axis=0).tolist()
                        for k, v in spectra.items()},
        }  # fmt: skip
        write_record(args.out.with_suffix(".json"), record)
        draw(spectra, np.asarray(sky.cascade_spectrum(args.lmax))).savefig(
            args.out.with_suffix(".png")
        )


if __name__ == "__main__":
    main()
