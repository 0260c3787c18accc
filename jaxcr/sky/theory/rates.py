"""Rate equations of the angular power: how scattering moves power between multipoles.

    dC_l/dt = -nu_l C_l + sum_k nu_{k->l} C_k,   nu_l = sum_k (2k+1)/(2l+1) nu_{l->k}

conserves sum_l (2l+1) C_l, as Liouville's theorem asks of scattering in a homogeneous medium.
Rates are a matrix with nu_{l->k} in row l, column k, both from 0. Columns beyond the last row
are multipoles above lmax, to which power leaves for good. Source: Ahlers 2014, PRL 112, 021101.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, as_float, check_finite, check_range, is_concrete

Rates = Float[Array | np.ndarray, "ell target"]
Matrix = Float[Array, "ell ell"]
Spectrum = Float[Array, " ell"]


def ahlers_loss(l: Float[Array, " ell"]) -> Float[Array, " ell"]:
    """Return (l + 1)(l + 2), the loss rate whose cascade is `cascade_spectrum`, in any unit."""
    return (l + 1) * (l + 2)


def neighbour_rates(
    lmax: int, loss: Callable[[Spectrum], Spectrum] = ahlers_loss
) -> Float[Array, "ell target"]:
    """Return the rates of a cascade in which each multipole feeds only the next higher one.

    nu_{l->l+1} = (2l+1)/(2l+3) nu_l for l >= 1; the monopole does not scatter.

    Parameters
    ----------
    lmax
        Highest degree, >= 1.
    loss
        Loss rate nu_l as a function of the array of l, per unit time; (l+1)(l+2) if not given.

    Returns
    -------
    (lmax + 1, lmax + 2); from the last row power leaves to lmax + 1.

    Raises
    ------
    ValueError
        If ``lmax`` is below 1.

    Notes
    -----
    In the steady state (2l+1) nu_l C_l is one number, so that nu_l ~ (l+1)(l+2) gives
    C_l / C_1 = 18 / [(2l+1)(l+1)(l+2)] exactly.
    """
    check_range("neighbour_rates: lmax", lmax, 1, remedy="The dipole has l = 1.")
    l = jnp.arange(lmax + 1, dtype=jnp.result_type(float))
    upward = jnp.where(l > 0, (2 * l + 1) / (2 * l + 3) * loss(l), 0)
    return jnp.zeros((lmax + 1, lmax + 2), upward.dtype).at[:, 1:].set(jnp.diag(upward))


def cascade_matrix(rates: Rates) -> Matrix:
    """Return the matrix A of dC/dt = A C for given rates nu_{l->k}.

    Parameters
    ----------
    rates
        nu_{l->k} >= 0, per unit time, (lmax + 1, lmax + 1) for a closed set of multipoles, or
        with more columns for power that leaves beyond lmax. The diagonal has no effect.

    Returns
    -------
    (lmax + 1, lmax + 1), per unit time.

    Raises
    ------
    ValueError
        If there are fewer columns than rows, or a rate is negative or not finite.

    Notes
    -----
    (2l+1) A sums to zero over l in each column of a closed set.
    """
    rates = as_float(rates)
    num, targets = rates.shape
    remedy = "Row l, column k holds nu_{l->k}; both start at l = 0."
    check_range("cascade_matrix: columns of rates", targets, num, remedy=remedy)
    check_range("cascade_matrix: rates", rates, 0)
    return _balance(rates)


@jax.jit
def _balance(rates: Float[Array, "ell target"]) -> Matrix:
    """Return gain less loss."""
    num, targets = rates.shape
    weight = 2 * np.arange(targets, dtype=rates.dtype) + 1
    loss = jnp.sum(rates * weight[None], axis=1) / weight[:num]
    return rates[:, :num].T - jnp.diag(loss)


def steady_cascade(matrix: Matrix) -> Spectrum:
    """Return C_l / C_1 of the steady state in which a source holds the dipole fixed.

    Parameters
    ----------
    matrix
        From `cascade_matrix`, (lmax + 1, lmax + 1), lmax >= 1.

    Returns
    -------
    (lmax + 1,), dimensionless; 0 at l = 0, 1 at l = 1.

    Raises
    ------
    ValueError
        If lmax is below 1, or there is no steady state because power enters some multipole and
        cannot leave it.

    Notes
    -----
    Solves A C = 0 for l >= 2. Linear algebra, differentiable in the rates.
    """
    check_range(
        "steady_cascade: lmax of the matrix", matrix.shape[0] - 1, 1, remedy="The norm is C_1."
    )
    check_finite("steady_cascade: matrix", matrix)
    _check_ways_out(matrix[2:, 2:])
    return _steady(matrix)


@jax.jit
def _steady(matrix: Matrix) -> Spectrum:
    """Solve for l >= 2 with C_1 = 1."""
    higher = jnp.linalg.solve(matrix[2:, 2:], -matrix[2:, 1])
    return jnp.concatenate([jnp.array([0, 1], dtype=matrix.dtype), higher])


def _check_ways_out(matrix: Matrix) -> None:
    """Raise ``ValueError`` if power, in known rates, piles up in some multipoles."""
    if not is_concrete(matrix) or matrix.size == 0:
        return
    known = np.asarray(matrix, float)
    loss = np.diagonal(known)[:, None]
    relative = known / np.where(loss == 0, 1, loss)  # rates of any size count alike
    if not np.linalg.cond(relative) < 0.01 / np.finfo(matrix.dtype).eps:
        raise argument_error(
            "steady_cascade: matrix",
            expected="a way out of every multipole from l = 2 on",
            got="a singular matrix, in which power piles up",
            remedy="Add columns beyond lmax to the rates, as neighbour_rates does.",
        )
