"""Weighted least squares of functions of direction to one map, with the covariance."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcr.checks import (
    argument_error,
    check_finite,
    check_positive,
    check_range,
    check_shape,
    is_concrete,
)

SkyMap = Float[Array | np.ndarray, " pixel"]
Mask = Bool[Array | np.ndarray, " mask_pixel"]
Error = Float[Array | np.ndarray, " error_pixel"]
Design = Float[Array | np.ndarray, "pixel function"]

_LEAST_EIGENVALUE = 1e-12  # over the largest; a cap of 8 degrees still fits a quadrupole
_ROUND_OFF = 100.0  # in epsilons: the least ratio of the roots of the eigenvalues


class Fit(eqx.Module):
    """Coefficients of the functions and their covariance."""

    solution: Float[Array, " function"]
    covariance: Float[Array, "function function"]


def fit_functions(
    map: Float[Array, " pixel"], design: Design, mask: Mask | None, error: Error | None
) -> Fit:
    """Fit map = design @ solution over the pixels of the mask.

    With an error per pixel, pixels weigh as 1 / error² and the covariance is that of the
    errors. Without, all weigh the same and their variance is taken from the residuals.
    """
    used = _used_pixels(map, design, mask)
    if error is None:
        return _equal_weights(map, used, design)
    return _weighted(map, used, design, _checked_error(map, used, error))


@jax.jit
def subtract(map: Float[Array, " pixel"], design: Design, solution: Array) -> Array:
    """Return the map less the fitted functions."""
    return map - jnp.matmul(design, solution, precision=jax.lax.Precision.HIGHEST)


@jax.jit
def _equal_weights(map: Array, used: Array, design: Array) -> Fit:
    """Fit with equal weights and scale the covariance by the scatter of the residuals."""
    fit = _solve(map, used.astype(map.dtype), used, design)
    residual = jnp.where(used, subtract(map, design, fit.solution), 0)
    freedom = (jnp.sum(used) - design.shape[1]).astype(map.dtype)
    scatter = jnp.sum(residual**2) / jnp.where(freedom > 0, freedom, 1)
    return Fit(fit.solution, jnp.where(freedom > 0, scatter * fit.covariance, jnp.inf))


@jax.jit
def _weighted(map: Array, used: Array, design: Array, error: Array) -> Fit:
    """Fit with weights 1 / error², in units of the least error so that they stay near one."""
    error = jnp.where(used, error, jnp.inf)
    unit = jax.lax.stop_gradient(jnp.min(error))
    fit = _solve(map, (unit / error) ** 2, used, design)
    return Fit(fit.solution, unit**2 * fit.covariance)


def _solve(map: Array, weight: Array, used: Array, design: Array) -> Fit:
    """Solve by orthogonal functions; the covariance is that of unit weights of unit variance.

    The normal equations would square the condition number: in float32 a cap of 10 degrees then
    gives a quadrupole of the size of the dipole out of nothing.
    """
    root = jnp.where(used, jnp.sqrt(jnp.where(used, weight, 1)), 0)
    basis, triangle = jnp.linalg.qr(design * root[:, None])
    values = jnp.where(used, map, 0) * root
    moment = jnp.matmul(basis.T, values, precision=jax.lax.Precision.HIGHEST)
    identity = jnp.eye(triangle.shape[0], dtype=triangle.dtype)
    inverse = jax.scipy.linalg.solve_triangular(triangle, identity)
    solution = jax.scipy.linalg.solve_triangular(triangle, moment)
    covariance = jnp.matmul(inverse, inverse.T, precision=jax.lax.Precision.HIGHEST)
    return Fit(solution, covariance)


def _used_pixels(map: Float[Array, " pixel"], design: Design, mask: Mask | None) -> Mask:
    """Return the mask without pixels not observed, checked as far as its values are known."""
    check_shape("mask", mask, map.shape)
    used = np.ones(map.shape, bool) if mask is None else mask
    if is_concrete(map, used):
        used = np.asarray(used) & ~np.isnan(map)
        check_finite("map", np.where(used, map, 0))
    if is_concrete(used) and not np.all(used):
        _check_coverage(np.asarray(used), design)
    return used


def _check_coverage(mask: np.ndarray, design: Design) -> None:
    """Raise ``ValueError`` when the pixels used do not tell the fitted functions apart."""
    least = design.shape[1]
    remedy = "True marks the pixels that are used; perhaps invert the mask."
    check_range("mask: number of pixels that are True", np.sum(mask), least, remedy=remedy)
    seen = design[mask].astype(float)
    eigenvalues = np.linalg.eigvalsh(seen.T @ seen)
    least_ratio = max(_LEAST_EIGENVALUE, (_ROUND_OFF * np.finfo(design.dtype).eps) ** 2)
    if eigenvalues[0] < least_ratio * eigenvalues[-1]:
        raise argument_error(
            "mask",
            expected=f"pixels that tell the {least} fitted functions apart",
            got=f"{np.sum(mask)} pixels on which a combination of them vanishes",
            remedy="Use a larger part of the sky or float64, or fit fewer multipoles.",
        )


def _checked_error(map: Float[Array, " pixel"], used: Mask, error: Error) -> Array:
    """Return the error in the map's dtype, checked as far as its values are known."""
    check_shape("error", error, map.shape)
    if is_concrete(error, used):
        remedy = "Mask these pixels: mask=error > 0."
        check_positive("error", np.where(used, error, 1.0), remedy=remedy)
    return jnp.asarray(error).astype(map.dtype)
