"""Kinetic theory against orbits in static turbulence on a mean field: where theory ends.

    python experiments/transport_theory/orbits_against_theory.py [--out experiments/results/NAME]

Gyroradius and bend-over of the spectrum are 1 pc, v = 1, dB/B0 = 0.1, 0.3 and 1.

1. D_mumu in slab turbulence from lags of one and two gyrations, longer than the force remembers
   (``memory``: what quasilinear theory itself has not forgotten by then). Cosines move far in that
   time, into the gap at 90 degrees, so theory is asked for what the lags see: its D_mumu, followed
   by the diffusion equation. Control: quasilinear theory of twice the power.
2. kappa along the field: the plateau of d<z²>/2ds against v lambda/3.
3. kappa across the field. Slab: none, <x²> ~ s^(1/2), because guiding centres stay on lines:
   <x²> is that of the lines over the same |z|. Slab and 2D waves (20:80): field-line random walk,
   (v/2) kappa_FL, and nonlinear guiding centres with the measured mean free path along the field.
"""

import argparse
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, kinetic, orbits
from jaxcr.experiments.transport_theory.setup import (
    Z,
    both_hemispheres,
    make_spectrum,
    record_tracks,
    rigidity_of,
    second_half,
    seen_by_lags,
    seen_on_plateau,
    slab_theories,
)
from jaxcr.plots import style
from jaxcr.runtime import write_record
from jaxcr.statistics import group_means, jackknife

GYRORADIUS = 1.0  # pc, of the mean field of 1 µG
RIGIDITY = rigidity_of(GYRORADIUS)
GYRATION = 2 * np.pi * GYRORADIUS
LAGS = (GYRATION, 2 * GYRATION)
SLAB_SHARE = 0.2
# four to sixty mean free paths
SLAB_PATH = {0.1: 2400.0, 0.3: 900.0, 1.0: 240.0}
COMPOSITE_PATH = {0.1: 6000.0, 0.3: 800.0, 1.0: 120.0}
BINS, WIDE = jnp.linspace(0, 1, 11), jnp.array([0.0, 0.3, 1.0])
# Slab lines diffuse up to the outer scale, and particles go 1e3 pc along them. Two-dimensional
# ones must diffuse past it: the ultrascale of a spectrum that is flat below 1/pc grows with it.
SLAB_WAVES, COMPOSITE_WAVES = (
    make_spectrum(outer_scale=outer_scale, largest=50.0) for outer_scale in (1e4, 30.0)
)


def nodes_of(spectrum: fields.Spectrum) -> tuple[np.ndarray, np.ndarray]:
    """Return wavenumbers, and the power that each stands for."""
    log_k = np.linspace(*(np.log(float(x)) for x in spectrum.edges(jnp.float64)), 20001)
    return np.exp(log_k), np.gradient(log_k) * np.exp(log_k) * np.asarray(spectrum(jnp.exp(log_k)))


def memory(mu: np.ndarray) -> np.ndarray:
    """Return D_mumu of the lags along undisturbed helices over that of endless ones, less one.

    <dmu²> = (dB/B0)² (1 - mu²) Omega²/2 sum_± int E (1 - cos a s)/a² dk, a = k mu ± Omega.
    """
    k, power = nodes_of(SLAB_WAVES)
    rates = [k * mu[:, None] + sign / GYRORADIUS for sign in (1, -1)]
    squares = [sum((1 - np.cos(a * lag)) / a**2 for a in rates) @ power for lag in LAGS]
    found = (1 - mu**2) / 2 / GYRORADIUS**2 * (squares[1] - squares[0]) / 2 / (LAGS[1] - LAGS[0])
    endless = slab_theories(1.0, SLAB_WAVES)["quasilinear"]
    return found / np.asarray(kinetic.pitch_angle_diffusion(endless, mu, RIGIDITY)) - 1


def compare(measured, error, theories: dict) -> dict:
    """Return a row: measured over theory with its error, and z-scores."""
    return {
        "measured": float(measured), "error": float(error),
        "theories": {
            name: {"value": float(x), "ratio": float(measured / x),
                   "ratio_error": float(error / x), "z_score": float((measured - x) / error)}
            for name, x in theories.items()
        },
    }  # fmt: skip


def scattering(amplitude: float, realisations: int, per_field: int, **numerics) -> dict:
    """Return D_mumu in bins and in two wide ones, against theories at the same lags."""
    tracks = record_tracks(
        SLAB_WAVES, fields.Slab(Z), amplitude, path_length=4 * GYRATION, num_samples=32,
        realisations=realisations, per_field=per_field, **numerics,
    )  # fmt: skip
    tracks = both_hemispheres(tracks, realisations)
    theories = slab_theories(amplitude, SLAB_WAVES)
    out = {"amplitude": amplitude}
    for name, edges in (("bins", BINS), ("wide", WIDE)):
        found = orbits.measure_pitch_angle_diffusion(
            tracks, axis=Z, lags=LAGS, edges=edges, num_groups=realisations
        )
        seen = {key: seen_by_lags(model, LAGS, edges) for key, model in theories.items()}
        value, error = found.coefficient.value, found.coefficient.error
        out[name] = [
            {"edges": [float(edges[i]), float(edges[i + 1])]}
            | compare(value[i], error[i], {key: x[i] for key, x in seen.items()})
            for i in range(len(value))
        ]
    return out


def slab_diffusion(amplitude: float, realisations: int, per_field: int) -> dict:
    """Return kappa along the field, and how guiding centres spread across it."""
    tracks = record_tracks(
        SLAB_WAVES, fields.Slab(Z), amplitude, path_length=SLAB_PATH[amplitude], num_samples=120,
        realisations=realisations, per_field=per_field,
    )  # fmt: skip
    running = orbits.running_diffusion(tracks, num_groups=realisations).by_derivative
    along = second_half(running).along(Z)
    models = slab_theories(amplitude, SLAB_WAVES)
    theory = {key: seen_on_plateau(x, SLAB_PATH[amplitude]) for key, x in models.items()}
    moved = jnp.moveaxis(tracks.displacement, 1, 0).astype(float)
    away = jnp.abs(moved[..., 2])
    squares = jnp.stack([(moved[..., 0] ** 2 + moved[..., 1] ** 2) / 2,
                         amplitude**2 * jnp.interp(away, *line_spread())], axis=-1)  # fmt: skip
    spread = group_means(squares, realisations)
    half = len(tracks.path) // 2
    exponent = jackknife(lambda x: jnp.log2(x[-1] / x[half]), spread)
    on_lines = jackknife(lambda x: x[-1, 0] / x[-1, 1], spread)
    mean = spread.mean(0)[1::4]
    return {
        "amplitude": amplitude,
        "kappa_parallel": compare(along.value[0], along.error[0], theory),
        "exponent": compare(
            exponent.value[0], exponent.error[0],
            {"compound": 0.5, "on lines": exponent.value[1], "diffusion": 1.0},
        ),
        "spread_over_lines": compare(on_lines.value, on_lines.error, {"on lines": 1.0}),
        "path": tracks.path[1::4].tolist(), "spread": mean[:, 0].tolist(),
        "spread_on_lines": mean[:, 1].tolist(),
    }  # fmt: skip


def line_spread() -> tuple[np.ndarray, np.ndarray]:
    """Return distances along slab lines, and <x²> = int E (1 - cos k z)/k² dk for dB = B0.

    Exact, and 2 kappa_FL z between the bend-over and the outer scale.
    """
    k, power = nodes_of(SLAB_WAVES)
    z = np.geomspace(1e-2, 1e4, 200)
    return z, 2 * np.sin(k * z[:, None] / 2) ** 2 @ (power / k**2)


def composite_diffusion(amplitude: float, realisations: int, per_field: int) -> dict:
    """Return kappa along and across the field in slab and two-dimensional turbulence."""
    tracks = record_tracks(
        COMPOSITE_WAVES, fields.SlabTwoD(Z, SLAB_SHARE), amplitude, num_samples=120,
        path_length=COMPOSITE_PATH[amplitude], realisations=realisations, per_field=per_field,
    )  # fmt: skip
    running = orbits.running_diffusion(tracks, num_groups=realisations).by_derivative
    along, across = second_half(running).along(Z), second_half(running).across(Z)
    slab, plane = amplitude * np.sqrt(SLAB_SHARE), amplitude * np.sqrt(1 - SLAB_SHARE)
    line = kinetic.composite_field_line_diffusion(
        kinetic.slab_field_line_diffusion(COMPOSITE_WAVES, rms=slab, mean_strength=1.0),
        kinetic.two_dimensional_field_line_diffusion(COMPOSITE_WAVES, rms=plane, mean_strength=1.0),
    )
    given = {"rms": amplitude, "mean_strength": 1.0, "slab_share": SLAB_SHARE}
    free_path = float(3 * along.value[0])
    guiding = kinetic.nonlinear_perpendicular_diffusion(COMPOSITE_WAVES, free_path, **given)
    models = slab_theories(slab, COMPOSITE_WAVES)
    theory = {key: seen_on_plateau(x, COMPOSITE_PATH[amplitude]) for key, x in models.items()}
    walk = kinetic.field_line_perpendicular_diffusion(line)
    return {
        "amplitude": amplitude,
        "kappa_parallel": compare(along.value[0], along.error[0], theory),
        "kappa_perpendicular": compare(
            across.value[0], across.error[0],
            {"nonlinear guiding centres": guiding, "field-line random walk": walk},
        ),
    }  # fmt: skip


def numerics(realisations: int, per_field: int) -> dict:
    """Return D_mumu of half the step in float64 over that of the production orbits."""
    sizes = {"realisations": realisations, "per_field": per_field}
    rough = scattering(0.3, **sizes)["wide"]
    fine = scattering(0.3, **sizes, refine=2.0, dtype=jnp.float64)["wide"]
    return {
        "ratio": [a["measured"] / b["measured"] for a, b in zip(fine, rough, strict=True)],
        "statistical_error": [a["error"] / a["measured"] for a in rough],
    }


def draw_scattering(axes, found: dict) -> None:
    """Draw D_mumu of one amplitude."""
    rows, amplitude = found["bins"], found["amplitude"]
    mu = np.array([np.mean(row["edges"]) for row in rows])
    for name, color in (("quasilinear", style.BLUE), ("second order", style.VERMILION)):
        seen = [row["theories"][name]["value"] for row in rows]
        axes.plot(mu, seen, color=color, label=f"{name}, over the lags")
    sharp = slab_theories(amplitude, SLAB_WAVES)["quasilinear"]
    at_once = kinetic.pitch_angle_diffusion(sharp, mu, RIGIDITY)
    axes.plot(mu, at_once, ":", color=style.GREY, label="quasilinear, at once")
    axes.errorbar(mu, [row["measured"] for row in rows], [row["error"] for row in rows], fmt="o",
                  color=style.BLACK, label="orbits")  # fmt: skip
    if amplitude == 1.0:
        axes.set_yscale("log")
        axes.set_ylim(1e-4, 10)
    else:
        axes.set_ylim(0, 1.6 * float(jnp.max(at_once)))
    style.polish(axes, x_label="|µ|", y_label="D_µµ [1/pc]", title=f"slab, dB/B0 = {amplitude:g}")


def draw_coefficient(axes, found: list[dict], key: str, colors: dict, power: int) -> None:
    """Draw a coefficient times a power of the amplitude, with theories."""
    amplitude = np.array([row["amplitude"] for row in found])
    scale = amplitude**power
    for name, color in colors.items():
        values = np.array([row[key]["theories"][name]["value"] for row in found])
        axes.plot(amplitude, scale * values, "s--", ms=5, color=color, label=name)
    measured, error = (np.array([row[key][x] for row in found]) for x in ("measured", "error"))
    axes.errorbar(amplitude, scale * measured, scale * error, fmt="o", color=style.BLACK,
                  label="orbits")  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(amplitude, [f"{x:g}" for x in amplitude])
    axes.minorticks_off()


def draw(result: dict):
    """Return the picture."""
    blue, vermilion, green, orange = style.BLUE, style.VERMILION, style.GREEN, style.ORANGE
    figure = style.new_figure(18, 11)
    top, (along, lines, across) = figure.subplots(2, 3)
    for axes, found in zip(top, result["scattering"], strict=True):
        draw_scattering(axes, found)
    draw_coefficient(along, result["slab"], "kappa_parallel",
                     {"quasilinear": blue, "second order": vermilion}, 2)  # fmt: skip
    across.set_yscale("log")
    draw_coefficient(
        across, result["composite"], "kappa_perpendicular",
        {"field-line random walk": orange, "nonlinear guiding centres": green}, 0,
    )  # fmt: skip
    along.set_ylim(0, 2.8)
    for row, color in zip(result["slab"], (blue, green, vermilion), strict=True):
        label = f"dB/B0 = {row['amplitude']:g}"
        lines.loglog(row["path"], row["spread"], color=color, label=label)
        lines.loglog(row["path"], row["spread_on_lines"], "--", color=color)
    for axes in (*top, along, lines, across):
        style.add_legend(axes, loc="lower right" if axes is lines else "best")
    ticks = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
    across.set_yticks(ticks, [f"{x:g}" for x in ticks])
    across.set_ylim(0.01, 0.7)
    style.polish(along, x_label="dB/B0", y_label="κ_par (dB/B0)² [pc c]", title="slab, along B0")
    style.polish(lines, x_label="path [pc]", y_label="<x²> [pc²]",
                 title="slab, across B0; dashed: of the lines")  # fmt: skip
    style.polish(across, x_label="dB/B0", y_label="κ_perp [pc c]", title="slab:2D 20:80, across B0")
    return figure


def show(name: str, amplitude: float, row: dict) -> None:
    """Print one line for each theory of a row."""
    for theory, x in row["theories"].items():
        print(f"{name:30s} {amplitude:4g} {row['measured']:10.4g} ± {row['error']:8.2g}  "
              f"{theory:26s} {x['value']:10.4g}  ratio {x['ratio']:9.3g} ± {x['ratio_error']:8.2g}"
              f"  z {x['z_score']:7.1f}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON and PNG, without the ending")
    parser.add_argument("--realisations", type=int, default=32)
    parser.add_argument("--orbits", type=int, default=128, help="in each realisation")
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    begin, num = time.process_time(), args.realisations
    centres = (np.asarray(BINS[1:]) + np.asarray(BINS[:-1])) / 2
    result = {"gyroradius": GYRORADIUS, "lags": LAGS, "memory": memory(centres).tolist()}
    result["numerics"] = numerics(16, 4 * args.orbits)
    print("memory", np.round(result["memory"], 3), "numerics", result["numerics"], flush=True)
    result["scattering"] = [scattering(b, num, 4 * args.orbits) for b in SLAB_PATH]
    for row in result["scattering"]:
        for wide in row["wide"]:
            low, high = wide["edges"]
            show(f"D_mumu, |mu| {low:.1f} to {high:.1f}", row["amplitude"], wide)
    for kind, measure, per_field in (
        ("slab", slab_diffusion, args.orbits),
        ("composite", composite_diffusion, args.orbits // 2),
    ):
        result[kind] = [measure(b, num, per_field) for b in SLAB_PATH]
        for row in result[kind]:
            for key, value in row.items():
                if isinstance(value, dict):
                    show(f"{kind}, {key}", row["amplitude"], value)
    result["cpu_seconds"] = time.process_time() - begin
    if args.out:
        write_record(args.out.with_suffix(".json"), result)
        draw(result).savefig(args.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
