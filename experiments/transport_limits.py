"""Transport limits with a closed form: weak scattering, slab field lines, Richardson separation.

    python experiments/transport_limits.py [--out experiments/results/transport_limits]

1. Isotropic turbulence of plane waves without mean field, gyroradius 15 and 30 correlation lengths:
   kappa = (2/3) v r_L²/L_c, L_c one-sided.
2. Slab turbulence: field lines diffuse with kappa = (dB²/2 B0²) l_c, exactly.
3. Goldreich-Sridhar turbulence: pairs of field lines separate as path^(3/2) within the inertial
   range (Lazarian & Vishniac 1999). Isotropic turbulence as a control: there it is not 3/2.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits, units
from jaxcr.plots.style import add_legend, new_figure, polish
from jaxcr.runtime import write_record

Z = jnp.array([0.0, 0.0, 1.0])
RMS = 3.0  # µG
SCALES = 1e-3 * 2 ** (0.5 * jnp.arange(9.0))  # in outer scales: the inertial range, 5e-5 to .16


def weak_scattering(ratio: float, num_waves: int, realisations: int, per_field: int) -> dict:
    """Return kappa over its closed form for a gyroradius of ``ratio`` correlation lengths.

    Particles feel the waves across their direction, a share of (k lambda)^(-1/3): with few waves
    in a field hardly one of them, and kappa comes out too large.
    """
    spectrum = fields.PowerLaw(5 / 3, outer_scale=1.0, inner_scale=0.25)
    length = float(spectrum.correlation_length())
    gyroradius = ratio * length
    free_path = 2 * gyroradius**2 / length
    tracks = []
    for seed in range(realisations):
        field = fields.realise_waves(
            spectrum, key=jax.random.key(seed), num_waves=num_waves, rms=RMS
        )
        rng = np.random.default_rng(seed)
        n = rng.standard_normal((per_field, 3))
        n = jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True), jnp.float32)
        start = jnp.asarray(rng.uniform(-1e3, 1e3, (per_field, 3)), jnp.float32)
        tracks.append(
            orbits.record_tracks(
                field, start, n, rigidity=gyroradius * RMS / units.GYRORADIUS,
                path_length=6 * free_path, num_samples=60, pusher=orbits.Boris(0.1),
            )
        )  # fmt: skip
    running = orbits.running_diffusion(orbits.join_tracks(tracks), num_groups=realisations)
    expected = free_path / 3
    row = {
        "num_waves": num_waves,
        "gyroradius_over_correlation_length": ratio,
        "expected": expected,
    }
    for name, tensor in (("velocity", running.by_velocity), ("derivative", running.by_derivative)):
        late = tensor.isotropic()
        # the correlation has decayed to exp(-5) there; the mean of the last fifth of the path
        row[name] = float(jnp.mean(late.value[50:60])) / expected
        row[f"{name}_error"] = float(jnp.mean(late.error[50:60])) / expected
    # Harari, Mollerach & Roulet (2014): the next order of the fit, e on the two-sided length
    e = ratio / 2
    row["fit_of_harari_et_al"] = 1 + (0.9 * e + 0.23 * e ** (2 - 5 / 3)) / (4 * e**2)
    return row


def slab_lines(realisations: int) -> dict:
    """Return the diffusion of field lines in slab turbulence over its closed form."""
    spectrum = fields.BendOver(
        5 / 3, energy_index=0.0, bend_over_scale=1.0, outer_scale=1e3, inner_scale=0.03
    )
    rows = []
    for seed in range(realisations):
        waves = fields.realise_waves(
            spectrum, key=jax.random.key(seed), num_waves=128, rms=2.0, geometry=fields.Slab(Z)
        )
        start = jnp.asarray(np.random.default_rng(seed).uniform(-500, 500, (32, 3)))
        lines = orbits.trace_field_lines(
            fields.UniformField(3.0 * Z) + waves, start, length=40.0, num_samples=40, axis=Z,
            rtol=1e-3,
        )  # fmt: skip
        rows.append(lines)
    joined = orbits.FieldLines(rows[0].path, jnp.concatenate([x.position for x in rows], axis=1))
    found = orbits.field_line_diffusion(joined, num_groups=realisations).across(Z)
    # 1/(1 + k² l²)^(5/6): l_c = 2 pi C(5/6) l = .746834 l (Shalchi 2009)
    expected = (2.0 / 3.0) ** 2 / 2 * 0.746834
    value, error = (float(jnp.mean(x[20:40])) for x in (found.value, found.error))
    return {"kappa": value, "error": error, "expected": expected,
            "z_score": (value - expected) / error}  # fmt: skip


def separation(geometry, realisations: int, strength: float) -> dict:
    """Return how pairs of field lines separate: rms, and path for growth by sqrt(2)."""
    spectrum = fields.PowerLaw(5 / 3, outer_scale=1.0, inner_scale=1e-4)
    apart = 1e-4
    first, second = [], []
    for seed in range(realisations):
        waves = fields.realise_waves(
            spectrum, key=jax.random.key(seed), num_waves=192, rms=strength, geometry=geometry
        )
        start = np.random.default_rng(seed).uniform(-30, 30, (16, 3))
        both = jnp.asarray(np.concatenate([start, start + np.array([apart, 0, 0])]))
        lines = orbits.trace_field_lines(
            fields.UniformField(Z) + waves, both, length=6.0, num_samples=1200, axis=Z, rtol=1e-3
        )
        first.append(lines.position[:, :16])
        second.append(lines.position[:, 16:])
    first, second = jnp.concatenate(first, axis=1), jnp.concatenate(second, axis=1)
    path, groups = lines.path, {"num_groups": realisations}
    growth = orbits.growth_paths(path, first, second, SCALES, **groups)
    used = np.flatnonzero(np.isfinite(growth.value))
    logs = np.log(np.asarray(SCALES)[:-1][used]), np.log(np.asarray(growth.value)[used])
    weights = np.asarray(growth.value / growth.error)[used]
    slope, covariance = np.polyfit(*logs, 1, w=weights, cov="unscaled")
    return {
        "exponent": 1 / slope[0],
        "exponent_error": np.sqrt(covariance[0, 0]) / slope[0] ** 2,
        "scale": SCALES.tolist(),
        "growth_path": growth.value.tolist(),
        "growth_path_error": growth.error.tolist(),
        "path": path.tolist(),
        "rms": orbits.pair_separation(path, first, second, **groups).rms().value.tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON and PNG, without the ending")
    parser.add_argument("--realisations", type=int, default=32)
    parser.add_argument("--orbits", type=int, default=128)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    result = {"slab": slab_lines(args.realisations)}
    print(result["slab"], flush=True)
    pairs = {
        "goldreich_sridhar": separation(fields.GoldreichSridhar(Z), args.realisations, 0.3),
        "isotropic": separation(fields.Isotropic(), args.realisations, 0.3),
    }
    result["separation"] = {"outer_scale": 1.0, "strength": 0.3, **pairs}
    for name, found in pairs.items():
        print(name, found["exponent"], found["exponent_error"], found["growth_path"], flush=True)
    result["weak_scattering"] = []
    for ratio, num_waves in ((15.0, 128), (15.0, 1024), (15.0, 4096), (20.0, 4096)):
        row = weak_scattering(ratio, num_waves, args.realisations, args.orbits)
        result["weak_scattering"].append(row)
        print(row, flush=True)
    if args.out:
        write_record(args.out.with_suffix(".json"), result)
        draw(pairs).savefig(args.out.with_suffix(".png"))


def draw(pairs: dict[str, dict]):
    """Return the picture of separations."""
    figure = new_figure(14, 6)
    left, right = figure.subplots(1, 2)
    for (name, found), color in zip(pairs.items(), ("#0072B2", "#D55E00"), strict=True):
        left.loglog(found["path"][1:], found["rms"][1:], color=color, label=name)
        scale = found["scale"][:-1]
        right.errorbar(
            scale, found["growth_path"], found["growth_path_error"], fmt="o", color=color,
            label=f"{name}: path^({found['exponent']:.2f} ± {found['exponent_error']:.2f})",
        )  # fmt: skip
    middle, height = len(scale) // 2, pairs["goldreich_sridhar"]["growth_path"]
    guide = height[middle] * (np.array(scale) / scale[middle]) ** (2 / 3)
    right.loglog(scale, guide, "--", color="#767676", label="separation as path^(3/2)")
    for axes in (left, right):
        add_legend(axes)
    polish(left, x_label="path along the mean field [outer scale]",
           y_label="rms separation [outer scale]", title="pairs of field lines")  # fmt: skip
    polish(right, x_label="separation [outer scale]", title="growth by sqrt(2)",
           y_label="path it takes [outer scale]")  # fmt: skip
    return figure


if __name__ == "__main__":
    main()
