"""Diffusion of orbits along and across the field, with theory for the same paths."""

import math
from typing import NamedTuple

import jax.numpy as jnp

from jaxcr import fields, kinetic, orbits
from jaxcr.experiments.transport_theory.setup import (
    Z,
    make_spectrum,
    record_tracks,
    rigidity_of,
    second_half,
    seen_on_plateau,
    slab_theories,
)
from jaxcr.experiments.verdicts import entry, scaled
from jaxcr.statistics import Estimate, group_means, jackknife

RMS = 0.3
"""dB/B0 of the scan in rigidity."""
_LARGEST = 25.0
"""k of the shortest wave over 1/r_L: it resonates at mu = 0.04, well within the broad resonance."""
_PATHS = 6.0
"""Length of an orbit in quasilinear mean free paths."""
_SAMPLES = 120
SLAB_SHARE = 0.2
COMPOSITE_PATH = {0.3: 800.0, 1.0: 120.0}
"""By dB/B0, in bend-over scales: at least ten mean free paths."""
_OUTER_SCALE = 30.0
"""Two-dimensional lines diffuse only beyond it, and their ultrascale grows with it."""


class Along(NamedTuple):
    """What orbits of one gyroradius say in slab waves, lengths in bend-over scales."""

    gyroradius: float
    path: float
    free_path: Estimate
    seen: dict[str, float]
    endless: float
    exponent: Estimate


class Across(NamedTuple):
    """Diffusion in slab and two-dimensional waves of one amplitude, in pc."""

    rms: float
    parallel: Estimate
    perpendicular: Estimate
    theories: dict[str, float]


def measure_along(gyroradius: float, realisations: int, per_field: int) -> Along:
    """Return the mean free path of orbits in slab waves, with theory over the same path."""
    spectrum = make_spectrum(outer_scale=1e4, largest=_LARGEST / gyroradius)
    models = slab_theories(RMS, spectrum)
    endless = float(kinetic.parallel_mean_free_path(models["quasilinear"], rigidity_of(gyroradius)))
    path = _PATHS * endless
    tracks = record_tracks(
        spectrum, fields.Slab(Z), RMS, gyroradius=gyroradius, path_length=path,
        num_samples=_SAMPLES, realisations=realisations, per_field=per_field,
    )  # fmt: skip
    running = orbits.running_diffusion(tracks, num_groups=realisations).by_derivative
    kappa = second_half(running).along(jnp.asarray(Z))
    seen = {k: 3 * seen_on_plateau(x, path, gyroradius=gyroradius) for k, x in models.items()}
    moved = jnp.moveaxis(tracks.displacement, 1, 0).astype(float)
    spread = group_means((moved[..., 0] ** 2 + moved[..., 1] ** 2) / 2, realisations)
    exponent = jackknife(lambda x: jnp.log2(x[-1] / x[_SAMPLES // 2]), spread)
    return Along(gyroradius, path, scaled(entry(kappa, 0), 3.0), seen,
                 endless, exponent)  # fmt: skip


def measure_across(rms: float, realisations: int, per_field: int) -> Across:
    """Return diffusion of orbits along and across the field, and theories of that across."""
    composite, axis = make_spectrum(outer_scale=_OUTER_SCALE, largest=50.0), jnp.asarray(Z)
    tracks = record_tracks(
        composite, fields.SlabTwoD(Z, SLAB_SHARE), rms, path_length=COMPOSITE_PATH[rms],
        num_samples=_SAMPLES, realisations=realisations, per_field=per_field,
    )  # fmt: skip
    running = second_half(orbits.running_diffusion(tracks, num_groups=realisations).by_derivative)
    parallel, perpendicular = (entry(x, 0) for x in (running.along(axis), running.across(axis)))
    slab, plane = rms * math.sqrt(SLAB_SHARE), rms * math.sqrt(1 - SLAB_SHARE)
    line = kinetic.composite_field_line_diffusion(
        kinetic.slab_field_line_diffusion(composite, rms=slab, mean_strength=1.0),
        kinetic.two_dimensional_field_line_diffusion(composite, rms=plane, mean_strength=1.0),
    )
    guiding = kinetic.nonlinear_perpendicular_diffusion(
        composite, 3 * float(parallel.value), rms=rms, mean_strength=1.0, slab_share=SLAB_SHARE
    )
    theories = {
        "nonlinear guiding centres": float(guiding),
        "field-line random walk": float(kinetic.field_line_perpendicular_diffusion(line)),
    }
    return Across(rms, parallel, perpendicular, theories)
