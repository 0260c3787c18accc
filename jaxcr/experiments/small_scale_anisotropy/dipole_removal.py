"""Figure 2: a sky of 7.5 PeV before and after its dipole is removed."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxcr import orbits, sky
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.pictures import draw_skies
from jaxcr.experiments.small_scale_anisotropy.setup import SOURCE, describe_field, withhold
from jaxcr.experiments.small_scale_anisotropy.skies import Skies, measure_skies
from jaxcr.experiments.small_scale_anisotropy.transport import field_mean
from jaxcr.experiments.verdicts import UNRESOLVED, as_numbers, judge_sign, plus_minus
from jaxcr.statistics import Estimate

RADII = (40.0, 50.0)
"""The caption of the figure, and the text, pc."""


def run(size: Size) -> Outcome:
    """Measure how much of the sky is left without its dipole, and where that dipole points."""
    particles = orbits.PARTICLE_SETS["7.5PeV"]
    found = measure_skies(particles, RADII, size)
    shares = residual_shares(found)
    angles = dipole_angles(found)
    amplitudes = dipole_amplitudes(found)
    verdicts = (
        judge_structure(field_mean(shares[:, 0])),
        judge_dipole(field_mean(angles[:, 0]), field_mean(amplitudes[:, 0])),
        judge_radius(field_mean(shares[:, 1] - shares[:, 0])),
    )
    verdicts = tuple(withhold(x, size, particles) for x in verdicts)
    numbers = {
        "field": describe_field(size),
        "radii_pc": RADII,
        "residual_share": as_numbers(field_mean(shares)),
        "dipole_angle_deg": as_numbers(field_mean(angles)),
        "dipole_amplitude": as_numbers(field_mean(amplitudes)),
        "lost_share": found.lost.tolist(),
        "fields": size.fields,
    }
    return Outcome(numbers, verdicts, lambda: draw(found))


def residual_shares(found: Skies) -> Float[np.ndarray, "field stop"]:
    """Return the share of the sky's variance beyond the dipole, without noise of the orbits."""
    halves = [half - half.mean(axis=-1, keepdims=True) for half in (found.first, found.second)]
    rests = [_each(sky.remove_dipole, half) for half in halves]
    return np.mean(rests[0] * rests[1], axis=-1) / np.mean(halves[0] * halves[1], axis=-1)


def dipole_angles(found: Skies) -> Float[np.ndarray, "field stop"]:
    """Return the angle between the dipole of the sky and that of an unmixed one, degrees.

    Arrivals along -x have momentum along +x: without a field in between the maximum is at -x.
    """
    cosine = -_each(lambda x: sky.fit_dipole(x).direction[:1], found.mean)[..., 0]
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def dipole_amplitudes(found: Skies) -> Float[np.ndarray, "field stop"]:
    """Return the amplitude of the sky's dipole, 1 for an unmixed one."""
    return _each(lambda x: sky.fit_dipole(x).amplitude[None], found.mean)[..., 0]


def _each(function, maps) -> np.ndarray:
    """Apply a function of one map to all of them."""
    rows = [np.asarray(function(jnp.asarray(x))) for x in maps.reshape(-1, maps.shape[-1])]
    return np.stack(rows).reshape(*maps.shape[:-1], -1)


def judge_structure(share: Estimate) -> Verdict:
    """Return whether something is left without the dipole."""
    sign = judge_sign(float(share.value), float(share.error))
    return Verdict(
        "structure of medium and small scale is left without the dipole, R = 40 pc",
        f"share of the variance {plus_minus(share)}",
        sign,
        "" if sign else UNRESOLVED,
    )


def judge_dipole(angle: Estimate, amplitude: Estimate) -> Verdict:
    """Return whether the dipole is another one than that of the boundary."""
    smaller = judge_sign(1 - float(amplitude.value), float(amplitude.error))
    return Verdict(
        "the dipole of the sky differs from that of the boundary",
        f"amplitude {plus_minus(amplitude)} of it, {plus_minus(angle, '°')} away",
        smaller,
        "" if smaller else UNRESOLVED,
    )


def judge_radius(change: Estimate) -> Verdict:
    """Return whether 40 and 50 pc can be told apart."""
    return Verdict(
        "R = 40 pc (caption) and R = 50 pc (text) are the same figure",
        f"share of the variance beyond the dipole rises by {plus_minus(change)} from 40 to 50 pc",
        judge_sign(float(change.value), float(change.error)) is None,
        "The study gives both radii for one picture.",
    )


def draw(found: Skies) -> Figure:
    """Return the first sky with and without its dipole."""
    before = found.mean[0, 0]
    after = np.asarray(sky.remove_dipole(jnp.asarray(before)))
    maps = {"with the dipole": before, "dipole removed": after}
    return draw_skies(maps, rows=1, title="7.5 PeV, R = 40 pc, smoothed by 3°")


DIPOLE_REMOVAL = Experiment(
    "dipole-removal", "a sky of 7.5 PeV with and without its dipole", f"{SOURCE}, fig. 2", run
)
