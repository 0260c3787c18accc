"""Where an orbit ends: level functions that turn positive at the stop."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxcr.arrays import Scalar, Vector
from jaxcr.checks import argument_error, as_float, checked, is_concrete
from jaxcr.vectors import dot


class Stop(eqx.Module):
    """One or several surfaces that are recorded; the orbit ends when it has met each of them.

    A surface is met where its level first turns from negative to positive. A level must not rise
    by more than the path travelled.
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


def check_stop(name: str, stop: Any) -> None:
    """Raise unless ``stop`` is an instance of `Stop`; the message begins with ``name``."""
    if not isinstance(stop, Stop):
        raise argument_error(
            name,
            expected="a stop such as Sphere(radius) or PathLength(length)",
            got=type(stop).__name__,
            remedy="They are in jaxcr.orbits; lengths are in pc.",
        )


@checked
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


@checked
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


@checked
class Box(Stop):
    """A box with faces along the axes: an orbit ends where it first leaves it.

    Parameters
    ----------
    lower, upper
        Opposite corners in pc, ``(3,)``.

    Raises
    ------
    ValueError
        When ``upper`` is not above ``lower`` on every axis.
    """

    lower: Vector
    upper: Vector

    def __init__(self, lower: Vector, upper: Vector):
        self.lower, self.upper = as_float(lower), as_float(upper)
        good = self.lower.shape == self.upper.shape == (3,)
        if good and is_concrete(lower, upper):
            good = bool(jnp.all(self.upper > self.lower))
        if not good:
            raise argument_error(
                "Box: lower, upper",
                expected="two corners (3,), the second above the first on every axis",
                got=f"{lower} and {upper}",
                remedy="Give both in pc.",
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """``()``."""
        return ()

    def levels(self, position: Vector, start: Vector, path: Scalar) -> Float[Array, " stop"]:
        """Return the largest distance beyond a face."""
        lower, upper = self.lower.astype(position.dtype), self.upper.astype(position.dtype)
        return jnp.max(jnp.maximum(lower - position, position - upper))[None]

    def default_max_path(self) -> Scalar:
        """Return 100 of the longest side."""
        return 100 * jnp.max(self.upper - self.lower)


@checked
class AnyOf(Stop):
    """Several stops of one surface each: the orbit ends at the first that it meets.

    ``which`` tells afterwards which one that was.
    """

    stops: tuple[Stop, ...]

    def __init__(self, *stops: Stop):
        self.stops = _single(stops, "AnyOf")

    @property
    def shape(self) -> tuple[int, ...]:
        """``()``."""
        return ()

    def levels(self, position: Vector, start: Vector, path: Scalar) -> Float[Array, " stop"]:
        """Return the largest of all levels."""
        return jnp.max(_join(self.stops, position, start, path))[None]

    def which(self, position: Vector, start: Vector, path: Scalar) -> Int[Array, ""]:
        """Return the number of the stop that one particle met, from its exit and its start."""
        return jnp.argmax(_join(self.stops, position, start, path))

    def default_max_path(self) -> Scalar:
        """Return the shortest of all."""
        return jnp.min(_join_max_paths(self.stops))


@checked
class EachOf(Stop):
    """Stops of several kinds, all recorded in one pass, e.g. radii and path lengths.

    Results have a leading axis over all surfaces, in the order given. The orbit ends when it has
    met each of them; ``Exits.met`` tells which were met by one that ended before.
    """

    stops: tuple[Stop, ...]

    def __init__(self, *stops: Stop):
        if not stops:
            raise argument_error(
                "EachOf: stops",
                expected="at least one stop",
                got="none",
                remedy="E.g. EachOf(Sphere(10.0), PathLength(50.0)).",
            )
        self.stops = stops

    @property
    def shape(self) -> tuple[int, ...]:
        """``(stop,)``."""
        return (sum(max(1, *stop.shape) if stop.shape else 1 for stop in self.stops),)

    def levels(self, position: Vector, start: Vector, path: Scalar) -> Float[Array, " stop"]:
        """Return the levels of all surfaces."""
        return _join(self.stops, position, start, path)

    def default_max_path(self) -> Scalar:
        """Return the longest of all."""
        return jnp.max(_join_max_paths(self.stops))


def _join(stops, position, start, path) -> Float[Array, " stop"]:
    return jnp.concatenate([stop.levels(position, start, path) for stop in stops])


def _join_max_paths(stops) -> Float[Array, " stop"]:
    paths = [stop.default_max_path() for stop in stops]
    return jnp.stack([path.astype(jnp.result_type(*paths)) for path in paths])


def _single(stops: tuple[Stop, ...], name: str) -> tuple[Stop, ...]:
    if not stops or any(stop.shape for stop in stops):
        raise argument_error(
            f"{name}: stops",
            expected="stops of one surface each",
            got=f"shapes {[stop.shape for stop in stops]}",
            remedy="Use EachOf to record several radii or lengths.",
        )
    return stops


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
