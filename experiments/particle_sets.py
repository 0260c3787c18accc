"""The three published particle sets: magnetic moment and mean free paths (fig. 1 and table 1).

    python experiments/particle_sets.py [--cells 512] [--out experiments/results/particle_sets]

Synthetic isotropic Kolmogorov turbulence with dB = B0 in the published box of 512 cells and outer
scale of 204.8 cells, in place of the published MHD cube. The 750 TeV and 7.5 PeV sets are the same
problem in grid units; they differ in the label. Source: López-Barquero et al., ApJ 830 (2016) 19.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits
from jaxcr.plots.style import add_legend, new_figure, polish
from jaxcr.runtime import write_record

COLORS = ("#D55E00", "#0072B2", "#009E73")


def turbulent_field(particles: orbits.ParticleSet, seed: int) -> fields.Field:
    """Return the field of a set: rms equal to the mean field, waves down to five cells."""
    turbulence = fields.realise_grid(
        fields.PowerLaw(
            5 / 3, outer_scale=particles.outer_scale, inner_scale=5 * particles.cell
        ),
        key=jax.random.key(seed), shape=(particles.cells,) * 3, spacing=particles.cell,
        rms=particles.mean_field, storage=jnp.float32,
    )  # fmt: skip
    return fields.UniformField(jnp.array([particles.mean_field, 0.0, 0.0])) + turbulence


def measure(particles: orbits.ParticleSet, num: int, path: float, seed: int) -> dict:
    """Return moment scatter and mean free paths of orbits spread over the box."""
    field = turbulent_field(particles, seed)
    rng = np.random.default_rng(seed)
    n = rng.standard_normal((num, 3))
    n = jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True), jnp.float32)
    box = particles.cells * particles.cell
    tracks = orbits.record_tracks(
        field, jnp.asarray(rng.uniform(0, box, (num, 3)), jnp.float32), n,
        rigidity=particles.rigidity, path_length=path * particles.gyroradius, num_samples=400,
        pusher=orbits.Boris(step_cells=0.5),
    )  # fmt: skip
    moments = orbits.moment_scatter(field, tracks)
    free_path = orbits.mean_free_path(tracks)
    along = orbits.running_diffusion(tracks).by_velocity.along(jnp.array([1.0, 0.0, 0.0]))
    ratio = np.asarray(moments.ratio)
    counts, edges = np.histogram(ratio, bins=np.linspace(0, 2, 41))
    return {
        "set": particles.name,
        "gyroradius_cells": particles.gyroradius_cells,
        "gyroradius_over_outer_scale": particles.gyroradius / particles.outer_scale,
        "path_gyroradii": path,
        "moment_ratio_peak": float(edges[np.argmax(counts)] + 0.025),
        "moment_ratio_median": float(np.median(ratio)),
        "moment_histogram": counts.tolist(),
        "moment_edges": edges.tolist(),
        "turning_pc": [float(free_path.turning.value), float(free_path.turning.error)],
        "turning_distance_pc": [
            float(free_path.turning_distance.value), float(free_path.turning_distance.error)
        ],
        "turned_share": float(free_path.turned_share),
        "correlation_pc": [
            float(free_path.correlation.value[-1]), float(free_path.correlation.error[-1])
        ],
        "three_kappa_along_pc": [3 * float(along.value[-1]), 3 * float(along.error[-1])],
        "published_pc": particles.published_path,
    }  # fmt: skip


def draw(rows: list[dict]):
    """Return the histograms of the scatter of the moment."""
    figure = new_figure(8, 6)
    axes = figure.subplots()
    for row, color, style in zip(rows, COLORS, ("-", "--", "-"), strict=True):
        axes.stairs(row["moment_histogram"], row["moment_edges"], color=color, linestyle=style,
                    label=row["set"], linewidth=2)  # fmt: skip
    add_legend(axes)
    polish(axes, x_label="sigma / mean of the magnetic moment along an orbit", y_label="orbits",
           title="scatter of the magnetic moment")  # fmt: skip
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON and PNG, without the ending")
    parser.add_argument("--cells", type=int, default=512)
    parser.add_argument("--orbits", type=int, default=2048)
    parser.add_argument("--path", type=float, default=100.0, help="in gyroradii")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    rows = []
    for particles in orbits.PARTICLE_SETS.values():
        used = particles if args.cells == particles.cells else particles.scaled(args.cells)
        rows.append(measure(used, args.orbits, args.path, args.seed))
        print({k: v for k, v in rows[-1].items() if not k.startswith("moment_h")}, flush=True)
    if args.out:
        write_record(args.out.with_suffix(".json"), {"rows": rows, "cells": args.cells})
        draw(rows).savefig(args.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
