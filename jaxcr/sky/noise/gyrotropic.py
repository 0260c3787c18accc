"""Power about one axis, such as the local field, and the rest: two spectra with errors."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike, Vector
from jaxcr.checks import as_float, check_range, check_shape
from jaxcr.sky.harmonics.backends import HarmonicTransform
from jaxcr.sky.harmonics.directions import weighted_sums
from jaxcr.sky.harmonics.modes import mode_degrees
from jaxcr.sky.harmonics.particles import check_directions
from jaxcr.sky.harmonics.spectra import real_harmonics, without_mean
from jaxcr.sky.harmonics.transforms import mean_product
from jaxcr.sky.healpix.grid import whole_maps
from jaxcr.sky.partial.estimates import SpectrumEstimate, gaussian_error
from jaxcr.vectors import unit_vector

Maps = Float[Array | np.ndarray, "*batch pixel"]
Other = Float[Array | np.ndarray, "..."]  # its shape is checked with a better message
Modes = Float[Array, "*batch mode"]


class GyrotropicSplit(eqx.Module):
    """What of C_l is symmetric about an axis, and what is not; their sum is C_l.

    Attributes
    ----------
    gyrotropic
        |a_l0|² / (2l+1) in a frame whose z axis is the axis, less its noise.
    rest
        The sum of |a_lm|² over m != 0 in that frame, over 2l+1, less its noise.
    """

    gyrotropic: SpectrumEstimate
    rest: SpectrumEstimate


def gyrotropic_split(
    first: Maps,
    second: Other | None = None,
    *,
    axis: Vector,
    lmax: int,
    noise: Float[Array | np.ndarray, "*#batch"] | ScalarLike | None = None,
    sample_variance: bool = True,
    transform: HarmonicTransform | None = None,
) -> GyrotropicSplit:
    """Return the power of a sky that is symmetric about an axis, and the rest, as spectra.

    a_l0 about the axis b is sqrt(4 pi/(2l+1)) sum_m a_lm Y*_lm(b); no map is rotated.

    Parameters
    ----------
    first, second
        dI/I, (..., pixel), RING order: one set of maps, or two from disjoint halves of the orbits.
    axis
        (3,), any length and either sign: the local field at the observer, or another direction.
    lmax, transform
        As in `real_harmonics`.
    noise
        White level N_l, sr: of ``first`` alone, subtracted, 0 if not given; or of the mean of both
        halves, for the errors, measured by their difference if not given.
    sample_variance
        Whether the errors hold the scatter from sky to sky; see `gaussian_error`.

    Returns
    -------
    Two estimates for l = 0 ... lmax, C_0 ~0. Of the noise, N_l/(2l+1) is in the gyrotropic part
    and N_l 2l/(2l+1) in the rest: an isotropic sky divides in the same way.

    Raises
    ------
    ValueError
        As `cross_spectrum`, and if the axis has no length or a known level is negative.
    """
    name = "gyrotropic_split"
    if second is not None:
        check_shape(f"{name}: second", second, first.shape)
    if noise is not None:
        check_range(f"{name}: noise", noise, 0, remedy="N_l in sr, as of noise_power.")
    axis = unit_vector(f"{name}: axis", axis)
    maps = (first,) if second is None else (first, second)
    maps = [without_mean(whole_maps(f"{name}: maps", x)) for x in maps]
    modes = tuple(real_harmonics(x, lmax=lmax, transform=transform) for x in maps)
    check_directions(axis[None], lmax)
    level = None if noise is None else as_float(noise).astype(modes[0].dtype)
    return _split(modes, axis, level, lmax, sample_variance)


@partial(jax.jit, static_argnames=("lmax", "sample_variance"))
def _split(
    modes: tuple[Modes, ...], axis: Vector, level: Array | None, lmax: int, sample_variance: bool
) -> GyrotropicSplit:
    """Return both parts from the modes of one map, or of two halves."""
    halves = len(modes) == 2
    subtracted = not halves and level is not None
    level = _level(modes, lmax) if level is None else level
    level = level.reshape((1,) * (modes[0].ndim - 1 - level.ndim) + (*level.shape, 1))
    symmetric = [_symmetric(x, axis.astype(x.dtype), lmax) for x in modes]
    others = [x - y for x, y in zip(modes, symmetric, strict=True)]
    ell = jnp.arange(lmax + 1, dtype=modes[0].dtype)

    def part(modes, num_modes):
        share = (num_modes / (2 * ell + 1)).reshape((1,) * (modes[0].ndim - 1) + (-1,))
        noise = level * share
        c_ell = mean_product(modes[0], modes[-1], lmax) - (noise if subtracted else 0)
        error = gaussian_error(
            c_ell, noise, num_folds=2 if halves else None, sample_variance=sample_variance
        )
        # That error is of 2l+1 equal modes; here the same power is in fewer.
        error = error / jnp.sqrt(jnp.where(share > 0, share, 1))
        return SpectrumEstimate(ell, c_ell, error, noise)

    return GyrotropicSplit(part(symmetric, jnp.minimum(ell, 1)), part(others, 2 * ell))


def _symmetric(modes: Modes, axis: Vector, lmax: int) -> Modes:
    """Return the part of real modes that is symmetric about the axis.

    The harmonics of a degree at the axis, over sqrt((2l+1) / 4 pi), are a unit vector among its
    modes by the addition theorem. The rest is what this projection leaves of the modes, so that
    it is small where the rest is, without a difference of powers.
    """
    degree = mode_degrees(lmax)
    at_axis = weighted_sums(axis[None], jnp.ones((1, 1), axis.dtype), lmax)[0]
    unit = at_axis * jnp.asarray(np.sqrt(4 * np.pi / (2 * degree + 1)), axis.dtype)
    unit = jnp.broadcast_to(unit, modes.shape)
    mean = mean_product(modes, unit, lmax)[..., degree]
    return mean * unit * jnp.broadcast_to(jnp.asarray(2 * degree + 1, axis.dtype), modes.shape)


def _level(modes: tuple[Modes, ...], lmax: int) -> Float[Array, "*batch"]:
    """Return the white level of the mean of two halves by their difference; 0 for one map."""
    difference = (modes[0] - modes[-1]) / 2
    return jnp.sum(difference**2, axis=-1) / max((lmax + 1) ** 2 - 1, 1)
