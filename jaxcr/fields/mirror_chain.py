"""A chain of magnetic bottles, as the traps of a Markov chain have them."""

import jax.numpy as jnp
from jax import lax

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_positive, check_range, is_concrete
from jaxcr.fields.field import Field, Lattice
from jaxcr.fields.large_scale import positive_length

_NEWTON_STEPS = 30


class MirrorChainField(Field):
    """Bottles of equal length along x, each a multiple of the one before.

    Parameters
    ----------
    minimum
        B in µG in the middle of the first bottle.
    left_mirror, right_mirror
        B in µG where the first bottle begins, at x = 0, and ends. All fields grow by the ratio
        of these two from one bottle to the next.
    length
        Of a bottle in pc.
    num_bottles
        How many will be visited, from x = 0 on; only the bound of |B| depends on it.

    Raises
    ------
    ValueError
        Unless minimum, length and num_bottles are positive and both mirrors above the minimum.

    Notes
    -----
    ln B on the axis is a line plus a cosine: B_x = B(x), and (B_y, B_z) = -(y, z) B'(x)/2, from
    the vector potential r B(x)/2 around the axis. So div B = 0 everywhere, while curl B is of
    order r/length: stay within a small part of the length from the axis.
    """

    left: Scalar
    growth: Scalar
    depth: Scalar
    shift: Scalar
    length: Scalar
    num_bottles: Scalar

    def __init__(
        self,
        *,
        minimum: ScalarLike,
        left_mirror: ScalarLike,
        right_mirror: ScalarLike,
        length: ScalarLike,
        num_bottles: int,
    ):
        name, order = "MirrorChainField: ", "0 < minimum < both mirrors"
        mirrors = {"left_mirror": left_mirror, "right_mirror": right_mirror}
        for which, mirror in mirrors.items():
            check_positive(name + which, mirror, expected=order)
            if is_concrete(mirror):
                high = float(mirror)
                check_range(name + "minimum", minimum, 0.0, high, ends="()", expected=order)
        low, left, right = (as_float(x) for x in (minimum, left_mirror, right_mirror))
        self.length = positive_length(name + "length", length)
        self.num_bottles = as_float(check_range(name + "num_bottles", num_bottles, 1.0))
        self.left = left
        self.growth = jnp.log(right / left)
        self.depth = log_swing(jnp.log(left / low) + self.growth / 2, self.growth)
        self.shift = _shift(self.depth, self.growth)

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return B in µG at ``position`` in pc."""
        logarithm, slope = self.log_strength(position[0])
        strength = jnp.exp(logarithm)
        across = -0.5 * strength * slope
        return jnp.stack([strength, position[1] * across, position[2] * across])

    def log_strength(self, x: Scalar) -> tuple[Scalar, Scalar]:
        """Return ln(B/µG) on the axis at ``x`` in pc, and its slope in 1/pc."""
        left, growth, depth, shift, length = (
            p.astype(x.dtype) for p in (self.left, self.growth, self.depth, self.shift, self.length)
        )
        along = x / length
        turn = 2 * jnp.pi * (along + shift)
        dip = (jnp.cos(turn) - jnp.cos(2 * jnp.pi * shift)) / 2
        slope = (growth - jnp.pi * depth * jnp.sin(turn)) / length
        return jnp.log(left) + growth * along + depth * dip, slope

    def max_strength(self) -> Scalar:
        """Return the strongest mirror on the axis."""
        return self.left * jnp.exp(jnp.maximum(self.growth, 0) * self.num_bottles)

    def lattice(self) -> Lattice | None:
        """Return ``None``: the field has no cells."""
        return None


def _shift(depth: Scalar, growth: Scalar) -> Scalar:
    """Return where the cosine has the mirror, in bottles."""
    return jnp.arcsin(growth / (jnp.pi * depth)) / (2 * jnp.pi)


def log_swing(log_ratio: Scalar, growth: Scalar) -> Scalar:
    """Return the swing of ln B of a bottle, from ln R, R = sqrt(B1 B2)/B0, and ln(B2/B1).

    In units of ln R it solves slope 2 shift + swing cos(2 pi shift) = 1, whose derivative by the
    swing is the cosine alone, because mirror and minimum are stationary. Smooth at R = 1 in a
    level row.
    """
    unit = jnp.where(log_ratio > 0, log_ratio, 1)
    slope = growth / unit

    def step(_, swing):
        shift = _shift(swing, slope)
        cosine = jnp.cos(2 * jnp.pi * shift)
        excess = slope * 2 * shift + swing * cosine - 1
        lowest = jnp.abs(slope) / jnp.pi
        return jnp.maximum(swing - excess / cosine, (swing + lowest) / 2)

    return log_ratio * lax.fori_loop(0, _NEWTON_STEPS, step, 1 + jnp.abs(slope))
