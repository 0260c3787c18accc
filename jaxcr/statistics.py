"""Means with standard errors from groups: orbits, or realisations of a field."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.checks import argument_error


class Estimate(eqx.Module):
    """A number, or several, with standard errors.

    Attributes
    ----------
    value, error
        Of one shape and one unit.
    """

    value: Float[Array, "..."]
    error: Float[Array, "..."]


def group_means(values: Float[Array, "particle ..."], num_groups: int) -> Float[Array, "group ..."]:
    """Return means over consecutive particles; rows with a number that is not finite are left out.

    A group without another row is NaN.

    Raises
    ------
    ValueError
        Unless there are at least two groups and their number divides that of the particles.
    """
    num = values.shape[0]
    if num_groups < 2 or num % num_groups:
        raise argument_error(
            "num_groups",
            expected=f"at least 2, and a divisor of the {num} particles",
            got=str(num_groups),
            remedy="Errors are jackknifed over groups of particles or over realisations.",
        )
    good = jnp.all(jnp.isfinite(values.reshape(num, -1)), axis=1)
    shape = (num_groups, num // num_groups)
    weight = good.astype(values.dtype).reshape(*shape, *[1] * (values.ndim - 1))
    kept = jnp.where(good.reshape(-1, *[1] * (values.ndim - 1)), values, 0)
    total = jnp.sum(weight * kept.reshape(*shape, *values.shape[1:]), axis=1)
    used = jnp.sum(weight, axis=1)
    return jnp.where(used > 0, total / jnp.maximum(used, 1), jnp.nan)


def jackknife(estimator: Callable[[Any], Array], means: Any) -> Estimate:
    """Return an estimator of means, and its standard error from leaving out one group at a time.

    Parameters
    ----------
    estimator
        From a pytree of means to an array.
    means
        The same pytree with a leading axis of groups of equal weight.

    Notes
    -----
    For an estimator that is linear in the means this is the standard error of the mean; for
    others its bias is of order one over the number of groups. Source: Efron (1982), ch. 3.
    """
    mean, without = _means(means)
    return Estimate(estimator(mean), _scatter(jax.vmap(estimator)(without)))


@jax.jit
def _means(means: Any) -> tuple[Any, Any]:
    """Return the mean over the groups, and without each of them in turn."""
    num = jax.tree.leaves(means)[0].shape[0]
    without = jax.tree.map(lambda x: (jnp.sum(x, axis=0, keepdims=True) - x) / (num - 1), means)
    return jax.tree.map(lambda x: jnp.mean(x, axis=0), means), without


def jackknife_sums(estimator: Callable[[Any], Array], sums: Any) -> Estimate:
    """Return an estimator of sums, and its standard error from leaving out one group at a time.

    Parameters
    ----------
    estimator
        From a pytree of sums to an array.
    sums
        The same pytree with a leading axis of groups, of whatever sizes.

    Notes
    -----
    `jackknife` for ratios of sums, whose groups need not have the same weight.
    """
    whole = jax.tree.map(lambda x: jnp.sum(x, axis=0), sums)
    without = jax.tree.map(lambda x, y: x[None] - y, whole, sums)
    return Estimate(estimator(whole), _scatter(jax.vmap(estimator)(without)))


@jax.jit
def _scatter(others: Float[Array, "group ..."]) -> Float[Array, "..."]:
    """Return the jackknife's error from what the estimator is without each group in turn."""
    num = others.shape[0]
    spread = jnp.sum((others - jnp.mean(others, axis=0, keepdims=True)) ** 2, axis=0)
    return jnp.sqrt(spread * (num - 1) / num)
