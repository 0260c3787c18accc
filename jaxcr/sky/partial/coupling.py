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

from jaxcr.arrays import argument_error
from jaxcr.sky.harmonics.modes import check_lmax, mode_degrees, synthesis_matrix
from jaxcr.sky.partial.declination import pixel_weights
from jaxcr.sky.partial.rings import ring_legendre, rings
from jaxcr.sky.partial.window import SkyWindow

_LARGEST_DENSE_NSIDE = 16  # at nside 32, lmax 64 one matrix would hold 0.4 GB


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
    def mixing_matrix(self) -> Float[Array, "ell ell_in"]:
        """The matrix M of <pseudo C_l> = sum M_ll' C_l', without noise."""
        power = jnp.tensordot(self.multiplicity, self.response**2, axes=1)
        return _dot(_dot(self.row_average.T, power), self.column_degrees)

    def noise_spectrum(self, variance: Float[Array | np.ndarray, "*batch pixel"]) -> Array:
        """Return the pseudo-spectrum (..., ell) of white noise of this variance per pixel."""
        power = jnp.tensordot(self.multiplicity, self.noise_response**2, axes=1)
        return _dot(self.sample_variance(variance), _dot(self.row_average.T, power).T)

    def sample_variance(self, variance: Float[Array | np.ndarray, "*batch pixel"]) -> Array:
        """Return the variance (..., sample) of the samples; pixels not seen do not count."""
        weight = self.sample_weight.reshape((1,) * (variance.ndim - 1) + (-1,))
        used = jnp.where(weight > 0, jnp.asarray(variance, weight.dtype), 0) * weight
        num = self.noise_response.shape[2]
        sums = jax.ops.segment_sum(jnp.moveaxis(used, -1, 0), self.sample_of_pixel, num)
        return jnp.moveaxis(sums, 0, -1)

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
        power = _dot(self.column_degrees, jnp.asarray(c_ell, self.response.dtype))
        modes = _dot(self.response * power[None, None], self.response.transpose(0, 2, 1))
        if variance is not None:
            samples = self.sample_variance(variance)[None, None]
            modes += _dot(self.noise_response * samples, self.noise_response.transpose(0, 2, 1))
        square = jnp.tensordot(self.multiplicity, modes**2, axes=1)
        return 2 * _dot(_dot(self.row_average.T, square), self.row_average)


def pseudo_coupling(
    window: SkyWindow,
    *,
    lmax: int,
    lmax_in: int | None = None,
    exposure_weighted: bool = False,
    remove_mean: bool = True,
) -> PseudoCoupling:
    """Return how the window mixes modes: order by order if it is zonal, else pixel by pixel.

    Parameters
    ----------
    window
        Its exposure must be known, not traced.
    lmax, lmax_in
        Highest degree of the pseudo-spectrum, and of the sky; 3 nside - 1 if not given.
    exposure_weighted, remove_mean
        As in `pseudo_spectrum`.

    Raises
    ------
    ValueError
        If a degree is out of range, or the window is not zonal above nside 16.

    Notes
    -----
    On the host. Zonal: `zonal_coupling`, (lmax+1) matrices of (lmax+1) (lmax_in+1). Else
    `dense_coupling`.
    """
    build = zonal_coupling if window.zonal else dense_coupling
    return build(
        window,
        lmax=lmax,
        lmax_in=lmax_in,
        exposure_weighted=exposure_weighted,
        remove_mean=remove_mean,
    )


def zonal_coupling(
    window: SkyWindow,
    *,
    lmax: int,
    lmax_in: int | None = None,
    exposure_weighted: bool = False,
    remove_mean: bool = True,
) -> PseudoCoupling:
    """Return the coupling of a window that depends on declination only, from sums over rings.

    K_m(l, l') = (4 pi / N_pix) sum_r n_r w_r Y_lm(r) Y_l'm(r) over the rings of n_r pixels.
    The parameters are those of `pseudo_coupling`.

    Notes
    -----
    A ring of n pixels does not tell m from m + n, which is left out here and kept in
    `dense_coupling`: see the test that compares them.
    """
    lmax_in = checked_degrees(window, lmax, lmax_in)
    table, legendre = rings(window.nside), ring_legendre(window.nside, lmax, lmax_in)
    weight = _first_of_ring(pixel_weights(window, exposure_weighted), table.size)
    root = np.sqrt(table.size)
    area = 4 * np.pi / window.exposure.shape[-1]
    noise = area * legendre[:, : lmax + 1] * (weight * root)  # (order, ell, ring)
    if not window.m0_blind and remove_mean:
        mean = weight * root / np.sum(weight * table.size)
        noise[0] -= (noise[0] @ root)[:, None] * mean
    first = 1 if window.m0_blind else 0
    noise, sky = noise[first:], (legendre * root)[first:]
    seen = np.asarray(window.exposure) > 0
    return PseudoCoupling(
        response=jnp.asarray(noise @ sky.transpose(0, 2, 1)),
        noise_response=jnp.asarray(noise),
        multiplicity=jnp.asarray(np.where(np.arange(first, lmax + 1) > 0, 2.0, 1.0)),
        row_average=jnp.asarray(np.diag(1 / (2.0 * np.arange(lmax + 1) + 1))),
        column_degrees=jnp.eye(lmax_in + 1),
        sample_of_pixel=jnp.asarray(table.of_pixel),
        sample_weight=jnp.asarray(np.where(seen, 1 / table.size[table.of_pixel], 0.0)),
    )


def dense_coupling(
    window: SkyWindow,
    *,
    lmax: int,
    lmax_in: int | None = None,
    exposure_weighted: bool = False,
    remove_mean: bool = True,
) -> PseudoCoupling:
    """Return the coupling of any window, exact on the pixels of the grid, up to nside 16.

    The parameters are those of `pseudo_coupling`.

    Raises
    ------
    ValueError
        As `pseudo_coupling`.

    Notes
    -----
    8 (lmax+1)² ((lmax_in+1)² + 12 nside²) bytes, and seconds: 47 MB at nside 16, lmax 32.
    """
    lmax_in = checked_degrees(window, lmax, lmax_in)
    if window.nside > _LARGEST_DENSE_NSIDE:
        raise argument_error(
            "dense_coupling: window",
            expected=f"nside <= {_LARGEST_DENSE_NSIDE}, or exposure of declination only",
            got=f"nside {window.nside}",
            remedy="Average the exposure on nside 16, or, for a window that is not blind to "
            "m = 0, take wigner_mixing_matrix.",
        )
    num = window.exposure.shape[-1]
    weight = pixel_weights(window, exposure_weighted)
    noise = synthesis_matrix(window.nside, lmax) * (4 * np.pi / num * weight)
    _project_out_means(noise, window, weight, remove_mean)
    degrees, degrees_in = mode_degrees(lmax), mode_degrees(lmax_in)
    average = (degrees[:, None] == np.arange(lmax + 1)) / (2.0 * np.arange(lmax + 1) + 1)
    response = noise @ synthesis_matrix(window.nside, lmax_in).T
    return PseudoCoupling(
        response=jnp.asarray(response)[None],
        noise_response=jnp.asarray(noise)[None],
        multiplicity=jnp.ones(1),
        row_average=jnp.asarray(average),
        column_degrees=jnp.asarray((degrees_in[:, None] == np.arange(lmax_in + 1)).astype(float)),
        sample_of_pixel=jnp.arange(num),
        sample_weight=jnp.asarray((weight > 0).astype(float)),
    )


def _project_out_means(
    rows: Float[np.ndarray, "mode pixel"],
    window: SkyWindow,
    weight: Float[np.ndarray, " pixel"],
    remove_mean: bool,
) -> None:
    """Make rows, in place, blind to what the window removes: ring means or the mean."""
    if not window.m0_blind:
        if remove_mean:
            rows -= np.sum(rows, axis=1, keepdims=True) * (weight / np.sum(weight))
        return
    table, exposure = rings(window.nside), np.asarray(window.exposure, float)
    starts = np.cumsum(table.size) - table.size
    norm = np.add.reduceat(exposure, starts)
    share = exposure / np.where(norm > 0, norm, 1)[table.of_pixel]
    rows -= np.add.reduceat(rows, starts, axis=1)[:, table.of_pixel] * share


def _first_of_ring(values: Float[np.ndarray, " pixel"], size: np.ndarray) -> np.ndarray:
    """Return the value at the first pixel of each ring."""
    return values[np.cumsum(size) - size]


def checked_degrees(window: SkyWindow, lmax: int, lmax_in: int | None) -> int:
    """Return lmax_in once both degrees are usable."""
    highest = 3 * window.nside - 1
    check_lmax(lmax, window.nside, "pseudo_coupling: lmax")
    lmax_in = highest if lmax_in is None else lmax_in
    if not lmax <= lmax_in <= highest:
        raise argument_error(
            "pseudo_coupling: lmax_in",
            expected=f"lmax ... 3 nside - 1 = {lmax} ... {highest}",
            got=lmax_in,
            remedy="Leave it out to take all that the grid holds.",
        )
    return lmax_in


def _dot(left: Array, right: Array) -> Array:
    """Return the matrix product, also on a GPU in full precision."""
    return jnp.matmul(left, right, precision=jax.lax.Precision.HIGHEST)
