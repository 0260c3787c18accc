"""One magnetic trap: a field minimum between two mirrors."""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, is_concrete


class Trap(eqx.Module):
    """A minimum of |B| between a left and a right mirror.

    Only ratios of the three strengths matter. x points from left to right; with
    ``left_mirror > right_mirror`` the field weakens to the right and the gradient is positive.

    Parameters
    ----------
    minimum, left_mirror, right_mirror
        |B| at the bottom and at the two tops, in µG or any one unit; scalars.

    Raises
    ------
    ValueError
        If the numbers are known and not 0 < minimum < mirror; traced ones then give NaN.

    Notes
    -----
    Written for one trap; ``jax.vmap`` over a ``Trap`` of arrays gives many.

    Examples
    --------
    >>> trap = Trap(minimum=1.0, left_mirror=4.0, right_mirror=3.0)
    >>> round(float(trap.mirror_ratio), 4)
    3.4641
    """

    minimum: Scalar
    left_mirror: Scalar
    right_mirror: Scalar

    def __init__(
        self,
        minimum: ScalarLike | int,
        left_mirror: ScalarLike | int,
        right_mirror: ScalarLike | int,
    ):
        # before jnp.asarray, which inside jit turns numbers into tracers
        check_strengths("Trap", minimum, left_mirror, right_mirror)
        dtype = jnp.result_type(minimum, left_mirror, right_mirror)
        if not jnp.issubdtype(dtype, jnp.floating):
            dtype = jnp.result_type(float)
        self.minimum = jnp.asarray(minimum, dtype)
        self.left_mirror = jnp.asarray(left_mirror, dtype)
        self.right_mirror = jnp.asarray(right_mirror, dtype)

    @property
    def mirror_ratio(self) -> Scalar:
        """R = sqrt(B1 B2) / B0."""
        left = jnp.sqrt(self.left_mirror / self.minimum)
        return left * jnp.sqrt(self.right_mirror / self.minimum)

    @property
    def gradient(self) -> Scalar:
        """eps_g = ln(B1 / B2), the fall of ln B across one trap."""
        return jnp.log(self.left_mirror / self.right_mirror)

    @property
    def left_cosine(self) -> Scalar:
        """mu_1 = sqrt(1 - B0/B1): particles beyond it at the minimum pass the left mirror."""
        return jnp.sqrt((self.left_mirror - self.minimum) / self.left_mirror)

    @property
    def right_cosine(self) -> Scalar:
        """mu_2 = sqrt(1 - B0/B2): particles beyond it at the minimum pass the right mirror."""
        return jnp.sqrt((self.right_mirror - self.minimum) / self.right_mirror)


def trap_from_ratio(
    mirror_ratio: ScalarLike, gradient: ScalarLike, *, minimum: ScalarLike = 1.0
) -> Trap:
    """Return the trap with B1 = B0 R exp(eps_g / 2) and B2 = B0 R exp(-eps_g / 2).

    Parameters
    ----------
    mirror_ratio
        R = sqrt(B1 B2) / B0.
    gradient
        eps_g = ln(B1 / B2); positive where the field weakens to the right.
    minimum
        B0, in µG or any unit.

    Raises
    ------
    ValueError
        If the numbers are known and not R > exp(abs(eps_g) / 2): no weaker mirror is left.
    """
    if is_concrete(mirror_ratio, gradient):
        weaker = float(mirror_ratio) * math.exp(-abs(float(gradient)) / 2)
        if not weaker > 1:
            raise argument_error(
                "trap_from_ratio: mirror_ratio, gradient",
                expected="mirror_ratio * exp(-|gradient| / 2) > 1",
                got=f"{weaker:g} from ({mirror_ratio}, {gradient})",
                remedy="Raise the ratio or lower the gradient.",
            )
    half = jnp.exp(jnp.asarray(gradient) / 2)
    strength = minimum * jnp.asarray(mirror_ratio)
    return Trap(minimum, strength * half, strength / half)


def check_strengths(name: str, minimum: Any, left_mirror: Any, right_mirror: Any) -> None:
    """Raise if the numbers are known and not 0 < minimum < both mirrors."""
    if not is_concrete(minimum, left_mirror, right_mirror):
        return
    low, left, right = map(np.asarray, (minimum, left_mirror, right_mirror))
    largest = np.maximum(left, right)
    if not (np.all((low > 0) & (largest < np.inf)) and np.all((left > low) & (right > low))):
        raise argument_error(
            f"{name}: minimum, left_mirror, right_mirror",
            expected="0 < minimum < left_mirror and 0 < minimum < right_mirror",
            got=f"{low}, {left}, {right}",
            remedy="Without a mirror on both sides there is no trap.",
        )
