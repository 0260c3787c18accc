"""Where an orbit ends: level functions that turn positive at the stop."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, Vector, argument_error, as_float, is_concrete
from jaxcr.orbits.lorentz import dot


class Stop(eqx.Module):
    """One or several surfaces, in the order in which an orbit first meets them.

    A surface is met where its level turns from negative to positive. The orbit ends at the last.
    """

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """``()`` for one surface, ``(stop,)`` for several."""

    @abc.abstractmethod
    def levels(self, position: Vector, start: Vector, path: Scalar) -> Float[Array, " stop"]:
        """Return the level (pc) of each surface for a particle at ``position``."""

    @abc.abstractmethod
    def default_max_path(self) -> Scalar:
        """Return the path (pc) after which an orbit that met nothing is given up."""


class Sphere(Stop):
    """Spheres: an orbit ends at its first outward crossing of the largest.

    Parameters
    ----------
    radius
        In pc: one, or several in rising order, all recorded in one pass.
    center
        In pc, shape ``(3,)``; default the origin.
    about_start
        Measure from where each particle starts instead of from ``center``.

    Notes
    -----
    Orbits still inside after a path of 100 radii are given up with status ``TOO_LONG``.
    """

    radius: Float[Array, "..."]
    center: Vector
    about_start: bool = eqx.field(static=True)

    def __init__(self, radius, *, center: Vector | None = None, about_start: bool = False):
        self.radius = _rising(radius, "Sphere: radius")
        self.center = jnp.zeros(3, self.radius.dtype) if center is None else as_float(center)
        self.about_start = about_start

    @property
    def shape(self) -> tuple[int, ...]:
        """``()`` for one radius, ``(stop,)`` for several."""
        return self.radius.shape

    def levels(self, position: Vector, start: Vector, path: Scalar) -> Float[Array, " stop"]:
        """Return the distance outside each sphere."""
        center = start if self.about_start else self.center.astype(position.dtype)
        away = position - center
        # Not |away|² - radius²: fused or not with the sum, the square of the radius rounds
        # differently from one compiled program to the next.
        return jnp.sqrt(dot(away, away)) - jnp.atleast_1d(self.radius).astype(position.dtype)

    def default_max_path(self) -> Scalar:
        """Return 100 of the largest radius."""
        return 100 * jnp.max(self.radius)


class PathLength(Stop):
    """Fixed path lengths in pc: one, or several in rising order."""

    length: Float[Array, "..."]

    def __init__(self, length):
        self.length = _rising(length, "PathLength: length")

    @property
    def shape(self) -> tuple[int, ...]:
        """``()`` for one length, ``(stop,)`` for several."""
        return self.length.shape

    def levels(self, position: Vector, start: Vector, path: Scalar) -> Float[Array, " stop"]:
        """Return the path travelled beyond each length."""
        return path - jnp.atleast_1d(self.length).astype(path.dtype)

    def default_max_path(self) -> Scalar:
        """Return twice the longest length: never reached first."""
        return 2 * jnp.max(self.length)


def _rising(values, name: str) -> Float[Array, "..."]:
    values = as_float(values)
    good = values.ndim <= 1 and values.size > 0
    if good and is_concrete(values):
        flat = jnp.atleast_1d(values)
        good = bool(jnp.all(flat > 0) & jnp.all(jnp.diff(flat) > 0))
    if not good:
        raise argument_error(
            name,
            expected="a positive number, or several in strictly rising order",
            got=str(values.tolist() if is_concrete(values) else values.shape),
            remedy="Sort them and drop repeats; lengths are in pc.",
        )
    return values
