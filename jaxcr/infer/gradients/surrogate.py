"""A cheap stand-in for skies after long paths: short orbits, then the mean transfer."""

from collections.abc import Callable, Iterable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Vector
from jaxcr.checks import check_range
from jaxcr.infer.skies.tensors import pair_products
from jaxcr.legendre import legendre_polynomials
from jaxcr.sky import Arrivals

_Real = Float[Array | np.ndarray, "..."]
ShortPath = Callable[[Float[Array, " parameter"], int], tuple[_Real, _Real]]
"""``(values, number)`` to packed transfer tensors ``(sky, ell, pair)`` and operators
``(sky, l, l)`` of one field after the short path."""


def transfer_operator(arrivals: Arrivals, axis: Vector, *, lmax: int) -> Float[Array, "*batch l l"]:
    """Return M with f_l(start) = sum M[l, l'] f_l'(end): what a path does to a gyrotropic series.

    M[l, l'] = (2l + 1) <P_l(start · axis) P_l'(end · axis)> over all orbits of a sky.

    Parameters
    ----------
    arrivals
        ``(..., pixel, child)``, as for ``transfer_tensor``.
    axis
        Symmetry axis, ``(3,)``.

    Notes
    -----
    Composition of M forgets gyrophase and place between two pieces of a path, which is why its
    powers are a surrogate and no result. Source: Chapman-Kolmogorov for the averaged process.
    """
    axis = (axis / jnp.linalg.norm(axis)).astype(arrivals.direction.dtype)
    end = jnp.clip(jnp.tensordot(arrivals.direction, axis, axes=1), -1, 1)
    start = jnp.clip(-jnp.tensordot(arrivals.arrival, axis, axes=1), -1, 1)
    ends = legendre_polynomials(end, lmax)
    starts = jnp.broadcast_to(legendre_polynomials(start, lmax), ends.shape)
    sums = jnp.einsum("...pca,...pcb->...ab", starts, ends) / (end.shape[-1] * end.shape[-2])
    return sums * jnp.asarray(2 * np.arange(lmax + 1) + 1, sums.dtype)[:, None]


def composed_spectra(
    tensors: Float[np.ndarray, "*batch ell pair"],
    operator: Float[np.ndarray, "l l"],
    series: Float[np.ndarray, " l"],
    repeats: int,
) -> Float[np.ndarray, "*batch ell"]:
    """Return C_l after ``1 + repeats`` pieces of path: the last piece exactly, the others by M.

    C_L = K[L] · (g g), g = M^repeats f, with pairs packed as by ``pack_pairs``.
    """
    for _ in range(repeats):
        series = operator @ series
    pairs = len(series) * (len(series) + 1) // 2
    check_range("composed_spectra: pairs of tensors", tensors.shape[-1], pairs, pairs)
    return tensors @ pair_products(series)


def composed_surrogate(
    short_path: ShortPath,
    *,
    series: Float[np.ndarray, " l"],
    repeats: int,
    operator_numbers: Iterable[int],
) -> Callable[[Float[Array, " parameter"], int], Float[np.ndarray, "sky ell"]]:
    """Return the surrogate ``(values, number)`` to C_l for a control variate.

    Parameters
    ----------
    short_path
        Simulates the short path; kept in memory by ``remembered``.
    series
        Legendre series of the boundary.
    repeats
        Further pieces of path behind the first.
    operator_numbers
        Fields whose mean is the operator M at every value of the parameters.

    Notes
    -----
    At dB = B0 its derivative by dB/B0 follows that of single fields after 9 and 12 gyroradii
    with correlation 0.9 for l = 1 when the short path is 6 gyroradii, 0.8 when it is 3
    (``experiments/inference/gradient_estimators.py``).
    """
    numbers, operators = tuple(operator_numbers), {}

    def surrogate(values, number):
        label = np.asarray(values).tobytes()
        if label not in operators:
            each = [np.asarray(short_path(values, i)[1]).mean(axis=0) for i in numbers]
            operators[label] = np.mean(each, axis=0)
        tensors = np.asarray(short_path(values, number)[0])
        return composed_spectra(tensors, operators[label], series, repeats)

    return surrogate
