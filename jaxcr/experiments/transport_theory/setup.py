"""What the experiments with orbits share: waves, orbits in them, and theory for finite paths.

Lengths are bend-over scales of 1 pc, v = 1, the mean field is 1 µG along z.
"""

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from scipy.linalg import expm

from jaxcr import fields, kinetic, orbits, units

Radius = TypeVar("Radius", float, np.ndarray)
Z = np.array([0.0, 0.0, 1.0])
INDEX = 5 / 3
_WAVES_A_DECADE = 40
_CELLS = 200
_SPREAD_OUT = 500.0
"""Starts lie in a cube of twice this length: fields are larger than their longest waves."""


def rigidity_of(gyroradius: Radius) -> Radius:
    """Return the rigidity in PV of a gyroradius in the mean field in pc."""
    return gyroradius / units.GYRORADIUS


def make_spectrum(
    *, outer_scale: float, largest: float | None = None, index: float = INDEX, scale: float = 1.0
) -> fields.BendOver:
    """Return E ~ (1 + k² l²)^(-index/2), flat below 1/l, up to a largest k; else it goes on."""
    return fields.BendOver(
        index, energy_index=0.0, bend_over_scale=scale, outer_scale=outer_scale,
        inner_scale=1e-15 * scale if largest is None else 2 * np.pi / largest,
    )  # fmt: skip


@eqx.filter_jit
def _realise(
    spectrum: fields.Spectrum, geometry: fields.Geometry, num: int, key: Key[Array, ""], rms: Array
) -> fields.Field:
    """Return one field of unit mean along z and waves."""
    waves = fields.realise_waves(spectrum, key=key, num_waves=num, rms=rms, geometry=geometry)
    return fields.UniformField(Z) + waves


def record_tracks(
    spectrum: fields.Spectrum,
    geometry: fields.Geometry,
    amplitude: float,
    *,
    gyroradius: float = 1.0,
    path_length: float,
    num_samples: int,
    realisations: int,
    per_field: int,
    refine: float = 1.0,
    dtype: type = jnp.float32,
) -> orbits.Tracks:
    """Return guiding centres of isotropic starts, realisation by realisation.

    A step sees less than a third of a cycle of the shortest wave (over ``refine``).
    """
    low, high = (float(x) for x in spectrum.edges(jnp.float64))
    num_waves = round(_WAVES_A_DECADE * np.log10(high / low)) * geometry.kinds
    tracks = []
    for seed in range(realisations):
        rng = np.random.default_rng(seed)
        n = rng.standard_normal((per_field, 3))
        n = jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True), dtype)
        start = jnp.asarray(rng.uniform(-_SPREAD_OUT, _SPREAD_OUT, (per_field, 3)), dtype)
        field = _realise(
            spectrum, geometry, num_waves, jax.random.key(seed), jnp.asarray(amplitude)
        )
        tracks.append(
            orbits.record_tracks(
                field, start, n, rigidity=rigidity_of(gyroradius), path_length=path_length,
                num_samples=num_samples, pusher=orbits.Boris(2 / high / refine),
            )
        )  # fmt: skip
    joined = orbits.join_tracks(tracks)
    turned = jnp.cross(joined.direction, Z.astype(dtype)[None, None])
    return orbits.Tracks(joined.path, joined.position + gyroradius * turned, joined.direction)


def slab_theories(
    amplitude: float, spectrum: fields.Spectrum
) -> dict[str, kinetic.ScatteringModel]:
    """Return models of slab scattering; the sharp ones go on where the waves end."""
    given = {"rms": amplitude, "mean_strength": 1.0}
    double = given | {"rms": np.sqrt(2) * amplitude}
    second = kinetic.SecondOrderResonance()
    return {
        "quasilinear": kinetic.SlabScattering(spectrum, **given, endless=True),
        "second order": kinetic.SlabScattering(spectrum, **given, resonance=second),
        "twice the power": kinetic.SlabScattering(spectrum, **double, endless=True),
    }


def pitch_angle_diffusion(model: kinetic.ScatteringModel, gyroradius: float = 1.0) -> eqx.Partial:
    """Return mu -> D_mumu; new numbers in the model compile nothing again."""
    return eqx.Partial(_rate, model, rigidity_of(gyroradius))


def _rate(model: kinetic.ScatteringModel, rigidity: float, mu: Array) -> Array:
    return kinetic.pitch_angle_diffusion(model, mu, rigidity)


def _diffusion(
    model: kinetic.ScatteringModel, gyroradius: float
) -> tuple[Float[np.ndarray, " mu"], Float[np.ndarray, "mu mu"]]:
    """Return cosines, and the matrix of d_mu (D d_mu f) between them."""
    method = kinetic.FiniteVolume(_CELLS)
    matrix = method.operator(pitch_angle_diffusion(model, gyroradius), 0.0)
    return np.asarray(method.cosines()), np.asarray(matrix)


def seen_by_lags(
    model: kinetic.ScatteringModel,
    lags: tuple[float, float],
    edges: Float[np.ndarray, " edge"],
    *,
    gyroradius: float = 1.0,
) -> Float[np.ndarray, " bin"]:
    """Return what ``orbits.measure_pitch_angle_diffusion`` finds where mu diffuses as in a model.

    Cosines move far between two lags, and D_mumu of other bins comes in.
    """
    mu, matrix = _diffusion(model, gyroradius)
    short, long = (((mu[:, None] - mu) ** 2 * expm(lag * matrix)).sum(axis=0) for lag in lags)
    found = (long - short) / (2 * (lags[1] - lags[0]))
    inside = (mu >= np.asarray(edges)[:-1, None]) & (mu < np.asarray(edges)[1:, None])
    return (inside * found).sum(axis=1) / inside.sum(axis=1)


def seen_on_plateau(
    model: kinetic.ScatteringModel, path: float, *, gyroradius: float = 1.0
) -> float:
    """Return d<z²>/2ds of a model, the integral of <mu(0) mu(s)>: its mean over the last half."""
    mu, matrix = _diffusion(model, gyroradius)
    rates, modes = np.linalg.eigh(matrix)
    rates, share = -rates[:-1], ((modes.T @ mu) ** 2 / _CELLS)[:-1]  # the last mode is at rest
    decayed = (np.exp(-rates * path / 2) - np.exp(-rates * path)) / (rates * path / 2)
    return float((share / rates * (1 - decayed)).sum())


def second_half(tensor: orbits.RunningTensor) -> orbits.RunningTensor:
    """Return the mean over the second half of the path."""
    half = len(tensor.path) // 2
    return orbits.RunningTensor(tensor.path[-1:], tensor.groups[:, half:].mean(1, keepdims=True))


def both_hemispheres(tracks: orbits.Tracks, realisations: int) -> orbits.Tracks:
    """Return tracks with their mirror images, group by group: the sign of mu does not matter."""
    states = []
    for x in (tracks.position, tracks.direction):
        grouped = x.reshape(len(x), realisations, -1, 3)
        states.append(jnp.concatenate([grouped, -grouped], axis=2).reshape(len(x), -1, 3))
    return orbits.Tracks(tracks.path, *states)
