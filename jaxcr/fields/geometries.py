"""Geometries of turbulence: where wave vectors point, and where B points across them."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.arrays import ScalarLike, Vector, argument_error, as_float, is_concrete, unit_vector

_Directions = tuple[Float[Array, "wave xyz=3"], Float[Array, "wave xyz=3"]]


class Geometry(eqx.Module):
    """How waves are oriented; the spectrum E(k) of their trace power is the same for all."""

    kinds: eqx.AbstractClassVar[int]
    """Waves of different kind that share each cell of k."""

    @abc.abstractmethod
    def draw(self, key: Key[Array, ""], num: int, dtype) -> _Directions:
        """Return unit wave vectors and unit polarisations across them, ``(wave, 3)`` each."""


class Isotropic(Geometry):
    """All directions alike, B anywhere across k."""

    kinds = 1

    def draw(self, key: Key[Array, ""], num: int, dtype) -> _Directions:
        """Return directions uniform on the sphere, polarisations uniform on circles."""
        of_direction, of_angle = jax.random.split(key)
        cosine, turn = 2 * jax.random.uniform(of_direction, (2, num), dtype) - 1
        sine, turn = jnp.sqrt(1 - cosine**2), jnp.pi * turn
        direction = jnp.stack([sine * jnp.cos(turn), sine * jnp.sin(turn), cosine], axis=1)
        down = jnp.stack([cosine * jnp.cos(turn), cosine * jnp.sin(turn), -sine], axis=1)
        round_ = jnp.stack([-jnp.sin(turn), jnp.cos(turn), jnp.zeros(num, dtype)], axis=1)
        return direction, _circle(of_angle, down, round_)


class Slab(Geometry):
    """Waves along the mean field, B across it: it varies along ``axis`` only.

    Parameters
    ----------
    axis
        Direction of the mean field, ``(3,)``; any length.
    """

    axis: Vector
    kinds = 1

    def __init__(self, axis: Float[Array, "xyz=3"]):
        self.axis = unit_vector("Slab: axis", axis)

    def draw(self, key: Key[Array, ""], num: int, dtype) -> _Directions:
        """Return the axis for all waves, polarisations uniform on the circle across it."""
        along, first, second = _frame(self.axis.astype(dtype), num)
        return along, _circle(key, first, second)


class TwoDimensional(Geometry):
    """Wave vectors across the mean field and B across both: it varies across ``axis`` only.

    Parameters
    ----------
    axis
        Direction of the mean field, ``(3,)``; any length.
    """

    axis: Vector
    kinds = 1

    def __init__(self, axis: Float[Array, "xyz=3"]):
        self.axis = unit_vector("TwoDimensional: axis", axis)

    def draw(self, key: Key[Array, ""], num: int, dtype) -> _Directions:
        """Return directions uniform on the circle across the axis, polarisations axis × k."""
        along, first, second = _frame(self.axis.astype(dtype), num)
        direction = _circle(key, first, second)
        return direction, jnp.cross(along, direction)


class SlabTwoD(Geometry):
    """Slab and two-dimensional waves in a fixed ratio of power, as in the solar wind.

    Parameters
    ----------
    axis
        Direction of the mean field, ``(3,)``; any length.
    slab_share
        Share of the power in slab waves: 0.2 in the solar wind at 1 au (Bieber et al. 1996).
    """

    axis: Vector
    slab_share: Float[Array, ""]
    kinds = 2

    def __init__(self, axis: Float[Array, "xyz=3"], slab_share: ScalarLike):
        self.axis = unit_vector("SlabTwoD: axis", axis)
        self.slab_share = as_float(slab_share)
        if is_concrete(self.slab_share) and not 0 <= float(self.slab_share) <= 1:
            raise argument_error(
                "SlabTwoD: slab_share",
                expected="a share between 0 and 1",
                got=f"{float(self.slab_share):g}",
                remedy="It is the power of the slab waves over that of all.",
            )

    def draw(self, key: Key[Array, ""], num: int, dtype) -> _Directions:
        """Return both kinds in turn; polarisations have the root of twice the share for length."""
        of_slab, of_plane = jax.random.split(key)
        share = self.slab_share.astype(dtype)
        even = (jnp.arange(num) % 2 == 0)[:, None]
        slab, across = Slab(self.axis).draw(of_slab, num, dtype)
        plane, round_ = TwoDimensional(self.axis).draw(of_plane, num, dtype)
        return (
            jnp.where(even, slab, plane),
            jnp.where(even, jnp.sqrt(2 * share) * across, jnp.sqrt(2 * (1 - share)) * round_),
        )


def _circle(key, first: Float[Array, "wave xyz=3"], second: Float[Array, "wave xyz=3"]):
    """Return random unit vectors in the planes of two unit vectors."""
    angle = 2 * jnp.pi * jax.random.uniform(key, (first.shape[0], 1), first.dtype)
    return jnp.cos(angle) * first + jnp.sin(angle) * second


def _frame(axis: Vector, num: int) -> tuple[Float[Array, "wave xyz=3"], ...]:
    """Return the axis and two unit vectors across it, repeated."""
    other = jnp.eye(3, dtype=axis.dtype)[jnp.argmin(jnp.abs(axis))]
    first = jnp.cross(axis, other)
    first = first / jnp.linalg.norm(first)
    return tuple(jnp.tile(x[None], (num, 1)) for x in (axis, first, jnp.cross(axis, first)))
