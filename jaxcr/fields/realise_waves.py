"""Realise turbulence of a given spectrum and geometry as plane waves, from a key."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jaxcr.arrays import ScalarLike, argument_error, as_float
from jaxcr.fields.geometries import Geometry, Isotropic
from jaxcr.fields.spectra import Spectrum
from jaxcr.fields.waves import WaveField

_NODES = 8
"""Of Gauss's rule for the power of one cell in ln k."""


def realise_waves(
    spectrum: Spectrum,
    *,
    key: Key[Array, ""],
    num_waves: int,
    rms: ScalarLike,
    geometry: Geometry | None = None,
) -> WaveField:
    """Draw turbulence as plane waves that are spaced evenly in ln k.

    Parameters
    ----------
    spectrum
        E(k), over any range of scales.
    key
        Fixes wave vectors within their cells, directions, polarisations and phases.
    num_waves
        Waves in all, for each kind of the geometry alike; 20 to 50 for each decade of k.
    rms
        Root mean square of |B| in µG; differentiable, like every parameter of the spectrum.
    geometry
        ``Isotropic()`` (default), ``Slab``, ``TwoDimensional`` or ``SlabTwoD``.

    Raises
    ------
    ValueError
        When there are fewer than ten waves.

    Notes
    -----
    Each wave carries the power of its cell, the integral of E(k) over it, so that every
    realisation has the asked rms in the mean over space. With few waves a decade the field at
    one point is not Gaussian across realisations of large scales: amplitudes are fixed, phases
    are not. Phases are float64 where JAX has it. Source: Giacalone & Jokipii, ApJ 520 (1999) 204.
    """
    if num_waves < 10:
        raise argument_error(
            "realise_waves: num_waves",
            expected="at least 10",
            got=str(num_waves),
            remedy="Take 20 to 50 for each decade of k.",
        )
    dtype = jnp.result_type(float)
    geometry = Isotropic() if geometry is None else geometry
    of_place, of_direction, of_phase = jax.random.split(key, 3)
    low, high = (jnp.log(x) for x in spectrum.edges(dtype))
    num_cells = num_waves // geometry.kinds
    num_waves = num_cells * geometry.kinds
    width = (high - low) / num_cells
    bottom = low + width * (jnp.arange(num_waves) // geometry.kinds).astype(dtype)
    wavenumber = jnp.exp(bottom + width * jax.random.uniform(of_place, (num_waves,), dtype))
    direction, polarisation = geometry.draw(of_direction, num_waves, dtype)
    power = _cell_power(spectrum, bottom, width) / geometry.kinds
    return WaveField(
        frequencies=wavenumber[:, None] / (2 * jnp.pi) * direction,
        phases=jax.random.uniform(of_phase, (num_waves,), dtype),
        amplitudes=jnp.sqrt(2 * power)[:, None] * polarisation,
        scale=as_float(rms),
    )


def _cell_power(spectrum: Spectrum, bottom: Float[Array, " wave"], width) -> Float[Array, " wave"]:
    """Return the integral of E(k) over each cell in ln k."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    nodes = jnp.asarray((1 + nodes) / 2, bottom.dtype)
    k = jnp.exp(bottom[:, None] + width * nodes[None])
    return width / 2 * jnp.sum(jnp.asarray(weights, bottom.dtype)[None] * k * spectrum(k), axis=1)
