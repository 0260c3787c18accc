"""C_l over many skies: mean, its error, covariance and percentile bands."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import as_float, check_finite, check_range

Spectra = Float[Array | np.ndarray, "sky ell"]
Matrix = Float[Array, "ell ell"]


class SpectrumSums(eqx.Module):
    """What has to be kept of the spectra of many skies; ``+`` joins two sets of skies.

    Attributes
    ----------
    num_skies
        Number of skies, as a float.
    mean
        Mean of C_l, (ell,), sr.
    scatter
        Sum over the skies of the products of the deviations from the mean, (ell, ell), sr².
    """

    num_skies: Scalar
    mean: Float[Array, " ell"]
    scatter: Matrix

    @jax.jit
    def __add__(self, other: "SpectrumSums") -> "SpectrumSums":
        """Join two disjoint sets of skies (Chan, Golub & LeVeque 1983, Am. Stat. 37, 242)."""
        total = self.num_skies + other.num_skies
        share = other.num_skies / total
        gap = other.mean - self.mean
        scatter = self.scatter + other.scatter + self.num_skies * share * jnp.outer(gap, gap)
        return SpectrumSums(total, self.mean + share * gap, scatter)

    @property
    @jax.jit
    def covariance(self) -> Matrix:
        """Covariance of the C_l of one sky, unbiased; (ell, ell), sr². NaN for a single sky."""
        return self.scatter / (self.num_skies - 1)

    @property
    @jax.jit
    def error(self) -> Float[Array, " ell"]:
        """Standard error of the mean, (ell,), sr."""
        return jnp.sqrt(jnp.diagonal(self.covariance) / self.num_skies)

    @property
    @jax.jit
    def correlation(self) -> Matrix:
        """Covariance over the product of the standard deviations; 0 where one of them is 0."""
        variance = jnp.diagonal(self.scatter)
        scale = jnp.where(variance == 0, 0, 1 / jnp.sqrt(jnp.where(variance == 0, 1, variance)))
        return self.scatter * jnp.outer(scale, scale)


class SpectrumStatistics(eqx.Module):
    """Statistics of C_l over realisations.

    Attributes
    ----------
    sums
        Mean and covariance, in the form that adds up.
    spectra
        The spectra themselves, (sky, ell), sr, for percentiles.
    """

    sums: SpectrumSums
    spectra: Float[Array, "sky ell"]

    @property
    def num_skies(self) -> int:
        """Number of skies."""
        return self.spectra.shape[0]

    @property
    def mean(self) -> Float[Array, " ell"]:
        """Mean of C_l, (ell,), sr."""
        return self.sums.mean

    @property
    def error(self) -> Float[Array, " ell"]:
        """Standard error of the mean, (ell,), sr."""
        return self.sums.error

    @property
    def covariance(self) -> Matrix:
        """Covariance of the C_l of one sky, (ell, ell), sr²."""
        return self.sums.covariance

    @property
    def correlation(self) -> Matrix:
        """Correlation matrix of the C_l of one sky, (ell, ell)."""
        return self.sums.correlation

    def band(
        self, levels: tuple[float | int, ...] = (68.0, 90.0, 99.0)
    ) -> tuple[Float[Array, "level ell"], Float[Array, "level ell"]]:
        """Return lower and upper edge of the central bands that hold ``levels`` percent.

        Each is (level, ell), in sr. A ``ValueError`` is raised unless 0 < level < 100.
        """
        check_levels("band: levels", levels)
        share = jnp.asarray(levels, dtype=self.spectra.dtype)
        lower = jnp.percentile(self.spectra, 50 - share / 2, axis=0)
        return lower, jnp.percentile(self.spectra, 50 + share / 2, axis=0)


def spectrum_sums(spectra: Spectra) -> SpectrumSums:
    """Return the sums of a set of spectra, to be added to those of others.

    Parameters
    ----------
    spectra
        C_l of at least one sky, (sky, ell), sr.

    Raises
    ------
    ValueError
        If there is no sky, or a value is not finite.
    """
    return _sums(_checked(spectra, 1, "spectrum_sums: spectra"))


@jax.jit
def _sums(spectra: Float[Array, "sky ell"]) -> SpectrumSums:
    """Return number, mean and products of the deviations."""
    mean = jnp.mean(spectra, axis=0)
    gap = spectra - mean[None]
    number = jnp.asarray(spectra.shape[0], dtype=spectra.dtype)
    return SpectrumSums(number, mean, jnp.matmul(gap.T, gap, precision="highest"))


def spectrum_statistics(spectra: Spectra) -> SpectrumStatistics:
    """Return mean, standard error, covariance and percentiles of C_l over realisations.

    Parameters
    ----------
    spectra
        C_l of each sky, (sky, ell), sr, at least two skies.

    Returns
    -------
    The `SpectrumStatistics`.

    Raises
    ------
    ValueError
        If there are fewer than two skies, or a value is not finite.

    Notes
    -----
    The covariance is that of one sky: cosmic variance and noise together. With fewer skies than
    multipoles it is singular; do not invert it. `spectrum_sums` streams over skies.
    """
    spectra = _checked(spectra, 2, "spectrum_statistics: spectra")
    return SpectrumStatistics(spectrum_sums(spectra), spectra)


def _checked(spectra: Spectra, least: int, name: str) -> Float[Array, "sky ell"]:
    """Return the spectra, refused if too few or not finite."""
    check_range(f"{name}: number of skies, the first axis", spectra.shape[0], least)
    return as_float(check_finite(name, spectra, remedy="Leave those skies out and say so."))


def check_levels(name: str, levels: tuple[float | int, ...]) -> None:
    """Raise unless there are percentages between 0 and 100."""
    check_range(f"{name}, their number", len(levels), 1)
    check_range(name, levels, 0, 100, ends="()", remedy="For example (68.0, 90.0, 99.0).")
