"""How a window mixes the harmonic modes of the sky, as blocks of one linear map.

The modes of a windowed map are t = T a + B n, with a the modes of the sky, n the noise of the
pixels, T = B Y, Y the synthesis. With a window that depends on declination only, each order m is
a block of its own and a ring is one sample.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.annotations import checked


class PseudoCoupling(eqx.Module):
    """The linear map from the sky and its noise to the modes of the windowed map.

    Attributes
    ----------
    response
        (block, row, column): T, from modes of the sky to modes of the windowed map.
    noise_response
        (block, row, sample): B, from the noise of samples of unit variance.
    multiplicity
        (block,): how many times each block occurs, 2 for an order m > 0.
    row_average, column_degrees
        (row, ell): takes a sum over rows and blocks to the mean over the 2l+1 modes of a degree.
        (column, ell_in): 1 where a column has that degree.
    sample_of_pixel, sample_weight
        (pixel,): the sample that holds a pixel, and its share in the variance of that sample.
    """

    response: Float[Array, "block row column"]
    noise_response: Float[Array, "block row sample"]
    multiplicity: Float[Array, " block"]
    row_average: Float[Array, "row ell"]
    column_degrees: Float[Array, "column ell_in"]
    sample_of_pixel: Int[Array, " pixel"]
    sample_weight: Float[Array, " pixel"]

    @property
    def lmax(self) -> int:
        """Highest degree of the pseudo-spectrum."""
        return self.row_average.shape[1] - 1

    @property
    def lmax_in(self) -> int:
        """Highest degree of the sky."""
        return self.column_degrees.shape[1] - 1

    @property
    @jax.jit
    def mixing_matrix(self) -> Float[Array, "ell ell_in"]:
        """The matrix M of <pseudo C_l> = sum M_ll' C_l', without noise."""
        power = jnp.tensordot(self.multiplicity, self.response**2, axes=1)
        return dot(dot(self.row_average.T, power), self.column_degrees)

    @checked
    @jax.jit
    def noise_spectrum(self, variance: Float[Array | np.ndarray, "*batch pixel"]) -> Array:
        """Return the pseudo-spectrum (..., ell) of white noise of this variance per pixel."""
        power = jnp.tensordot(self.multiplicity, self.noise_response**2, axes=1)
        return dot(self.sample_variance(variance), dot(self.row_average.T, power).T)

    def sample_variance(self, variance: Float[Array | np.ndarray, "*batch pixel"]) -> Array:
        """Return the variance (..., sample) of the samples; pixels not seen do not count."""
        weight = self.sample_weight.reshape((1,) * (variance.ndim - 1) + (-1,))
        used = jnp.where(weight > 0, jnp.asarray(variance, weight.dtype), 0) * weight
        num = self.noise_response.shape[2]
        sums = jax.ops.segment_sum(jnp.moveaxis(used, -1, 0), self.sample_of_pixel, num)
        return jnp.moveaxis(sums, 0, -1)

    @checked
    @jax.jit
    def covariance(
        self,
        c_ell: Float[Array | np.ndarray, " ell_in"],
        variance: Float[Array | np.ndarray, " pixel"] | None = None,
    ) -> Float[Array, "ell ell"]:
        """Return the covariance of the pseudo-spectrum of a Gaussian sky with Gaussian noise.

        2 / [(2l+1)(2l'+1)] sum over the modes of <t_lm t_l'm'>².

        Parameters
        ----------
        c_ell
            Spectrum of the sky, (lmax_in + 1,), sr.
        variance
            Of each pixel, (pixel,); no noise if not given.

        Returns
        -------
        (lmax + 1, lmax + 1), sr².
        """
        power = dot(self.column_degrees, jnp.asarray(c_ell, self.response.dtype))
        modes = dot(self.response * power[None, None], self.response.transpose(0, 2, 1))
        if variance is not None:
            samples = self.sample_variance(variance)[None, None]
            modes += dot(self.noise_response * samples, self.noise_response.transpose(0, 2, 1))
        square = jnp.tensordot(self.multiplicity, modes**2, axes=1)
        return 2 * dot(dot(self.row_average.T, square), self.row_average)


def dot(left: Array, right: Array) -> Array:
    """Return the matrix product, also on a GPU in full precision."""
    return jnp.matmul(left, right, precision=jax.lax.Precision.HIGHEST)
