"""The mixing matrix between bins of multipoles, and whether it can be inverted."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, check_positive, is_concrete
from jaxcr.sky.partial.bins import SpectrumBins
from jaxcr.sky.partial.coupling import PseudoCoupling, dot


class BinMatrices(NamedTuple):
    """Mean power of the fiducial in the bins, its shape there, and what belongs to each."""

    mean: Float[Array, " bin"]
    shape: Float[Array, "ell_in bin"]
    outside: Float[Array, " ell_in"]  # power outside all bins
    average: Float[Array, "bin ell"]
    binned: Float[Array, "bin bin"]


@jax.jit
def bin_matrices(
    coupling: PseudoCoupling, bins: SpectrumBins, fiducial: Array | None
) -> BinMatrices:
    """Return the mixing matrix between the bins, with the shape of the fiducial inside them."""
    average = bins.average_matrix(coupling.lmax)
    wide = np.pad(average, ((0, 0), (0, coupling.lmax_in - coupling.lmax)))
    inside = (wide > 0).astype(float)
    if fiducial is None:
        mean, shape = jnp.ones(bins.num_bins), jnp.asarray(inside.T)
        outside = jnp.zeros(inside.shape[1])
    else:
        mean = dot(jnp.asarray(wide), fiducial)
        shape = (inside * fiducial[None] / mean[:, None]).T
        outside = fiducial * (1 - inside.sum(axis=0))
    average = jnp.asarray(average, coupling.response.dtype)
    binned = dot(average, dot(coupling.mixing_matrix, shape))
    return BinMatrices(mean, shape, outside, average, binned)


def binned_condition(coupling: PseudoCoupling, bins: SpectrumBins) -> float:
    """Return the condition number of the binned mixing matrix that is to be inverted, flat bins.

    Near 1 the bins are separate; the scatter of the result grows with it.
    """
    return float(np.linalg.cond(np.asarray(bin_matrices(coupling, bins, None).binned)))


def check_matrices(matrices: BinMatrices, bins: SpectrumBins, largest: float | int) -> None:
    """Raise ``ValueError`` with the bins that the window cannot tell apart, if there are any."""
    if not is_concrete(matrices):
        return
    remedy = "Its shape inside the bins is used: take one that vanishes in none."
    check_positive("deconvolve_spectrum: means of fiducial in bins", matrices.mean, remedy=remedy)
    _, values, right = np.linalg.svd(np.asarray(matrices.binned))
    condition = values[0] / values[-1] if values[-1] > 0 else np.inf
    if condition <= largest:
        return
    part = np.abs(right[-1])  # of the combination of bins that the window hardly shows
    lost = [label for label, x in zip(bins.labels(), part, strict=True) if x > 0.3 * part.max()]
    raise argument_error(
        "deconvolve_spectrum: bins",
        expected=f"a mixing matrix of condition below {largest:.1e}",
        got=f"{condition:.1e}; the window does not separate l = {', '.join(lost)}",
        remedy="Take wider bins there, about 180 degrees over the width of the window.",
    )
