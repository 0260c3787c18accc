"""Mirror ratio and gradient from a density profile along a chain of traps."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jaxtyping import Array, Bool, Float, Int

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import (
    argument_error,
    as_float,
    check_finite,
    check_positive,
    check_range,
    is_concrete,
)
from jaxcr.observed.csv_columns import naming, read_columns
from jaxcr.traps import (
    AbsorbingEnd,
    ChainEnd,
    Closure,
    DetailedBalance,
    Trap,
    steady_state,
    trap_chain,
)
from jaxcr.untrusted.sizes import shortened

_DEFAULT_CLOSURE = DetailedBalance()
_OPEN = AbsorbingEnd()
_MAX_STEPS = 200
_MOST_SITES = 1_000_000
_STARTS = ((1.2, 0.8), (0.8, 1.2), (0.05, -0.05), (2.9, 1.9))
"""ln(B1/B0 - 1) and ln(B2/B0 - 1) that fits start from: the better optimum is kept."""


class DensityProfile(eqx.Module):
    """Particles counted or estimated in some traps of a chain.

    Parameters
    ----------
    site
        Index of each trap, from 0, (row,).
    occupation
        Particles in it, (row,).
    error
        Standard errors, > 0, (row,).

    Raises
    ------
    ValueError
        If the shapes differ, there are fewer than three rows or two sites, or a known number is
        not finite, an error not positive, or a site negative.
    """

    site: Int[Array, " row"]
    occupation: Float[Array, " row"]
    error: Float[Array, " row"]

    def __init__(
        self,
        site: Int[Array, " row"],
        occupation: Float[Array, " row"],
        error: Float[Array, " row"],
    ):
        self.site, self.occupation, self.error = site, as_float(occupation), as_float(error)
        check_range("DensityProfile: number of rows", site.shape[0], 3)
        check_finite("DensityProfile: occupation", occupation)
        check_positive("DensityProfile: error", error)
        check_range("DensityProfile: site", site, 0)
        if is_concrete(site):
            check_range("DensityProfile: number of sites", np.unique(site).size, 2)


class DensityFit(eqx.Module):
    """Best mirror ratio and gradient with their errors.

    Attributes
    ----------
    mirror_ratio, gradient
        R = sqrt(B1 B2)/B0 and eps_g = ln(B1/B2).
    mirror_ratio_error, gradient_error
        Standard errors, from the Fisher matrix at the best fit.
    correlation
        Of the two.
    trap
        The trap itself, with B0 = 1.
    occupation
        Of every site of the chain at the best fit, (site,).
    chi_squared
        Sum of squared residuals in units of the errors; the profile has rows - 2 degrees of
        freedom.
    converged
        Whether the optimiser ended by itself.
    """

    mirror_ratio: Scalar
    gradient: Scalar
    mirror_ratio_error: Scalar
    gradient_error: Scalar
    correlation: Scalar
    trap: Trap
    occupation: Float[Array, " site"]
    chi_squared: Scalar
    converged: Bool[Array, ""]


def fit_density(
    profile: DensityProfile,
    source: Float[Array, " site"],
    *,
    scattering_rate: ScalarLike = 1.0,
    closure: Closure = _DEFAULT_CLOSURE,
    left_end: ChainEnd = _OPEN,
    right_end: ChainEnd = _OPEN,
) -> DensityFit:
    """Fit the trap of a uniform chain to the occupations of its sites.

    Parameters
    ----------
    profile
        The measurement.
    source
        Particles per time fed to each site, (site,): known, because the shape of the profile
        gives the gradient and its height, source over rates, the mirror ratio.
    scattering_rate
        nu, known as well, in the unit of rate of the source.
    closure, left_end, right_end
        As for ``trap_chain``.

    Raises
    ------
    ValueError
        If a known site of the profile is not one of the chain, or as ``steady_state``.

    Notes
    -----
    Levenberg-Marquardt on exact derivatives, from four starts, in coordinates without bounds. The
    rates have a kink where the gradient is zero: closer to it than its own error, the errors are
    those of one side.
    """
    num_sites = source.shape[0]
    check_range(
        "fit_density: profile.site", profile.site, 0, num_sites - 1, remedy="Lengthen the source."
    )
    model = _UniformChain(source, as_float(scattering_rate), closure, left_end, right_end)
    return _fit(profile, model)


class _UniformChain(eqx.Module):
    """The occupations of a chain of copies of one trap, from the fitted numbers."""

    source: Float[Array, " site"]
    scattering_rate: Scalar
    closure: Closure
    left_end: ChainEnd
    right_end: ChainEnd

    def __call__(self, values: Float[Array, "two=2"]) -> Float[Array, " site"]:
        """Return n_k."""
        chain = trap_chain(
            _trap(values), self.source.shape[0], scattering_rate=self.scattering_rate,
            closure=self.closure, left_end=self.left_end, right_end=self.right_end,
        )  # fmt: skip
        return steady_state(chain, self.source)


@eqx.filter_jit
def _fit(profile: DensityProfile, occupation: _UniformChain) -> DensityFit:
    """Minimise from every start, keep the best, and propagate the Fisher matrix."""

    def residuals(values, _=None):
        return (occupation(values)[profile.site] - profile.occupation) / profile.error

    solver = optx.LevenbergMarquardt(rtol=1e-9, atol=1e-9)

    def minimise(start):
        solution = optx.least_squares(residuals, solver, start, max_steps=_MAX_STEPS, throw=False)
        cost = jnp.sum(residuals(solution.value) ** 2)
        ended = solution.result == optx.RESULTS.successful
        return solution.value, jnp.where(jnp.isfinite(cost), cost, jnp.inf), ended

    starts = jnp.asarray(_STARTS, profile.occupation.dtype)
    values, costs, ended = jax.vmap(minimise)(starts)
    best = jnp.argmin(costs)
    slopes = jax.jacfwd(residuals)(values[best])
    covariance = jnp.linalg.inv(slopes.T @ slopes)
    names = jax.jacfwd(lambda v: jnp.stack([_trap(v).mirror_ratio, _trap(v).gradient]))
    jacobian = names(values[best])
    covariance = jacobian @ covariance @ jacobian.T
    errors = jnp.sqrt(jnp.diagonal(covariance))
    trap = _trap(values[best])
    return DensityFit(
        mirror_ratio=trap.mirror_ratio, gradient=trap.gradient,
        mirror_ratio_error=errors[0], gradient_error=errors[1],
        correlation=covariance[0, 1] / (errors[0] * errors[1]),
        trap=trap, occupation=occupation(values[best]), chi_squared=costs[best],
        converged=ended[best],
    )  # fmt: skip


def _trap(values: Float[Array, "two=2"]) -> Trap:
    """Return the trap with B1,2 = 1 + exp(values): for all numbers there is one."""
    left, right = 1 + jnp.exp(values)
    return Trap(1.0, left, right)


def read_density(path: str | Path) -> DensityProfile:
    """Read a profile from a CSV file with the columns ``site``, ``occupation`` and ``error``.

    Sites count from 1, as people count. Lines that start with ``#`` are comments.

    Raises
    ------
    ValueError
        When the file is missing, has other columns, or numbers that make no profile.
    """
    path = Path(path)
    columns = read_columns(path, ("site", "occupation", "error"), example="1,0.52,0.03")
    site = columns["site"]
    if np.any((site != np.round(site)) | (site < 1) | (site > _MOST_SITES)):
        raise argument_error(
            f"{path}: column site", expected=f"whole numbers from 1 on, to {_MOST_SITES}",
            got=shortened(site.tolist()), remedy="Number the traps of the chain from its left end.",
        )  # fmt: skip
    with naming(path):
        return DensityProfile(
            jnp.asarray(site - 1, jnp.int32),
            jnp.asarray(columns["occupation"]),
            jnp.asarray(columns["error"]),
        )
