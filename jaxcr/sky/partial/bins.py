"""Bins of multipoles."""

import operator

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.checks import argument_error, check_range


def _whole_numbers(edges) -> tuple[int, ...]:
    """Return edges of any sequence in a form that can be static."""
    return tuple(map(operator.index, edges))


class SpectrumBins(eqx.Module):
    """Consecutive bins of multipoles; in a bin, a spectrum is averaged with weights 2l+1.

    Attributes
    ----------
    edges
        Increasing degrees, the first at least 1; bin i holds edges[i] <= l < edges[i + 1].
    """

    edges: tuple[int, ...] = eqx.field(static=True, converter=_whole_numbers)

    def __check_init__(self):
        pairs = zip(self.edges[:-1], self.edges[1:], strict=True)
        if len(self.edges) < 2 or self.edges[0] < 1 or any(low >= high for low, high in pairs):
            raise argument_error(
                "SpectrumBins: edges",
                expected="at least two increasing degrees, the first >= 1",
                got=self.edges,
                remedy="For example (1, 2, 4, 8, 16); l = 0 is not measured.",
            )

    @property
    def num_bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    @property
    def highest(self) -> int:
        """Highest degree inside."""
        return self.edges[-1] - 1

    @property
    def degrees(self) -> Float[np.ndarray, " bin"]:
        """Mean degree of each bin, with weights 2l+1."""
        return self._average(self.highest) @ np.arange(self.highest + 1.0)

    def labels(self) -> list[str]:
        """Return the degrees of each bin as text: '3' or '4-7'."""
        pairs = zip(self.edges[:-1], self.edges[1:], strict=True)
        return [f"{low}" if high == low + 1 else f"{low}-{high - 1}" for low, high in pairs]

    @checked
    def bin(self, spectra: Float[Array | np.ndarray, "*batch ell"]) -> Float[Array, "*batch bin"]:
        """Return the averages of spectra (..., ell), ell from 0, with weights 2l+1.

        Raises
        ------
        ValueError
            If the spectra end below the last bin.
        """
        spectra = jnp.asarray(spectra)
        return spectra @ self.average_matrix(spectra.shape[-1] - 1).T.astype(spectra.dtype)

    def average_matrix(self, lmax: int) -> Float[np.ndarray, "bin ell"]:
        """Return the matrix of `bin` for spectra up to lmax.

        Raises
        ------
        ValueError
            If lmax is below the last bin.
        """
        remedy = f"Bins up to l = {self.highest}: lower the last edge or raise lmax."
        check_range("SpectrumBins: lmax", lmax, self.highest, remedy=remedy)
        return self._average(lmax)

    def _average(self, lmax: int) -> Float[np.ndarray, "bin ell"]:
        """Return the weights (2l+1) / sum (2l+1) of each bin."""
        ell, edges = np.arange(lmax + 1), np.asarray(self.edges)
        inside = (ell >= edges[:-1, None]) & (ell < edges[1:, None])
        weight = inside * (2.0 * ell + 1)
        return weight / np.sum(weight, axis=1, keepdims=True)


def uniform_bins(lowest: int, highest: int, width: int) -> SpectrumBins:
    """Return bins of equal width from ``lowest`` on that end at or below ``highest``.

    Raises
    ------
    ValueError
        If none fits or the width is below 1.
    """
    check_range("uniform_bins: width", width, 1)
    return SpectrumBins(tuple(range(lowest, highest + 2, width)))
