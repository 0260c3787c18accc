"""Where an orbit ends: level functions that turn positive at the stop."""

import abc
import itertools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.arrays import Scalar, Vector
from jaxcr.checks import argument_error, check_finite, check_positive, check_shape, is_concrete
from jaxcr.vectors import dot


class Stop(eqx.Module):
    """One or several surfaces that are recorded; the orbit ends when it has met each of them.

    A stop is met where its level first turns from negative to positive; its level is the largest
    of those of its surfaces. A surface's level is smooth, and rises by no more than the path.
    """

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """``()`` for one surface, ``(stop,)`` for several."""

    @property
    def owners(self) -> tuple[int, ...]:
        """The number of the stop that each surface belongs to, rising; one surface a stop."""
        return tuple(range(max(1, *self.shape) if self.shape else 1))

    @abc.abstractmethod
    def surfaces(self, offset: Vector, start: Vector, path: Scalar) -> Float[Array, " surface"]:
        """Return the level (pc) of each surface for a particle at ``start + offset``."""

    def levels(self, offset: Vector, start: Vector, path: Scalar) -> Float[Array, " stop"]:
        """Return the level (pc) of each stop for a particle at ``start + offset``."""
        return self.by_stop(self.surfaces(offset, start, path), jnp.max)

    def by_stop(self, surfaces: Array, reduce: Callable[[Array], Array]) -> Array:
        """Return one entry for each stop, made of those of its surfaces."""
        owners = self.owners
        if len(set(owners)) == len(owners):
            return surfaces
        ends = [owners.index(i) for i in sorted(set(owners))] + [len(owners)]
        return jnp.stack([reduce(surfaces[a:b]) for a, b in itertools.pairwise(ends)])

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

    def __init__(
        self,
        radius: Float[Array, "..."],
        *,
        center: Vector | None = None,
        about_start: bool = False,
    ):
        self.radius = _rising(radius, "Sphere: radius")
        check_finite("Sphere: center", center, remedy="In pc.")
        self.center = jnp.zeros(3, self.radius.dtype) if center is None else center
        self.about_start = about_start

    @property
    def shape(self) -> tuple[int, ...]:
        """``()`` for one radius, ``(stop,)`` for several."""
        return self.radius.shape

    def surfaces(self, offset: Vector, start: Vector, path: Scalar) -> Float[Array, " surface"]:
        """Return the distance outside each sphere."""
        away = offset if self.about_start else offset + (start - self.center.astype(start.dtype))
        square = dot(away, away)
        # Not |away|² - radius²: fused or not with the sum, the square of the radius rounds
        # differently from one compiled program to the next.
        distance = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), square)
        return distance - jnp.atleast_1d(self.radius).astype(offset.dtype)

    def default_max_path(self) -> Scalar:
        """Return 100 of the largest radius."""
        return 100 * jnp.max(self.radius)


class PathLength(Stop):
    """Fixed path lengths in pc: one, or several in rising order."""

    length: Float[Array, "..."]

    def __init__(self, length: Float[Array, "..."]):
        self.length = _rising(length, "PathLength: length")

    @property
    def shape(self) -> tuple[int, ...]:
        """``()`` for one length, ``(stop,)`` for several."""
        return self.length.shape

    def surfaces(self, offset: Vector, start: Vector, path: Scalar) -> Float[Array, " surface"]:
        """Return the path travelled beyond each length."""
        return path - jnp.atleast_1d(self.length).astype(path.dtype)

    def default_max_path(self) -> Scalar:
        """Return twice the longest length: never reached first."""
        return 2 * jnp.max(self.length)


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
        self.lower, self.upper = lower, upper
        check_positive("Box: upper - lower", upper - lower, remedy="Give two corners in pc.")

    @property
    def shape(self) -> tuple[int, ...]:
        """``()``."""
        return ()

    @property
    def owners(self) -> tuple[int, ...]:
        """Three pairs of faces."""
        return (0, 0, 0)

    def surfaces(self, offset: Vector, start: Vector, path: Scalar) -> Float[Array, " surface"]:
        """Return the distance beyond the nearer face of each pair."""
        lower, upper = (x.astype(start.dtype) - start for x in (self.lower, self.upper))
        return jnp.maximum(lower - offset, offset - upper)

    def default_max_path(self) -> Scalar:
        """Return 100 of the longest side."""
        return 100 * jnp.max(self.upper - self.lower)


class AnyOf(Stop):
    """Several stops of one surface each: the orbit ends at the first that it meets.

    ``which`` tells afterwards which one that was.
    """

    stops: tuple[Stop, ...]

    def __init__(self, *stops):
        self.stops = _checked_stops(stops, "AnyOf", single=True)

    @property
    def shape(self) -> tuple[int, ...]:
        """``()``."""
        return ()

    @property
    def owners(self) -> tuple[int, ...]:
        """All surfaces are those of one stop."""
        return (0,) * sum(len(stop.owners) for stop in self.stops)

    def surfaces(self, offset: Vector, start: Vector, path: Scalar) -> Float[Array, " surface"]:
        """Return the levels of all surfaces."""
        return _join(self.stops, offset, start, path)

    def which(self, position: Vector, start: Vector, path: Scalar) -> Int[Array, ""]:
        """Return the number of the stop that one particle met, from its exit and its start."""
        levels = [stop.levels(position - start, start, path) for stop in self.stops]
        return jnp.argmax(jnp.concatenate(levels))

    def default_max_path(self) -> Scalar:
        """Return the shortest of all."""
        return jnp.min(_join_max_paths(self.stops))


class EachOf(Stop):
    """Stops of several kinds, all recorded in one pass, e.g. radii and path lengths.

    Results have a leading axis over all surfaces, in the order given. The orbit ends when it has
    met each of them; ``Exits.met`` tells which were met by one that ended before.
    """

    stops: tuple[Stop, ...]

    def __init__(self, *stops):
        self.stops = _checked_stops(stops, "EachOf")

    @property
    def shape(self) -> tuple[int, ...]:
        """``(stop,)``."""
        return (sum(max(1, *stop.shape) if stop.shape else 1 for stop in self.stops),)

    @property
    def owners(self) -> tuple[int, ...]:
        """Those of each stop, one after another."""
        found: list[int] = []
        for stop in self.stops:
            first = max(found, default=-1) + 1
            found += [first + i for i in stop.owners]
        return tuple(found)

    def surfaces(self, offset: Vector, start: Vector, path: Scalar) -> Float[Array, " surface"]:
        """Return the levels of all surfaces."""
        return _join(self.stops, offset, start, path)

    def default_max_path(self) -> Scalar:
        """Return the longest of all."""
        return jnp.max(_join_max_paths(self.stops))


def _join(stops, offset, start, path) -> Float[Array, " surface"]:
    return jnp.concatenate([stop.surfaces(offset, start, path) for stop in stops])


def _join_max_paths(stops) -> Float[Array, " stop"]:
    paths = [stop.default_max_path() for stop in stops]
    return jnp.stack([path.astype(jnp.result_type(*paths)) for path in paths])


def _checked_stops(stops: tuple, name: str, *, single: bool = False):
    for stop in stops:
        check_stop(f"{name}: stops", stop)
    if not stops or (single and any(stop.shape for stop in stops)):
        raise argument_error(
            f"{name}: stops",
            expected="at least one stop" + ", each with one radius or length" * single,
            got=f"{len(stops)} of shapes {[stop.shape for stop in stops]}",
            remedy="EachOf(Sphere(10.0), PathLength(50.0)) records several.",
        )
    return stops


def _rising(values: Float[Array, "..."], name: str) -> Float[Array, "..."]:
    remedy = "One length in pc, or several in strictly rising order."
    check_shape(name, values, (), (values.size or 1,), remedy=remedy)
    check_positive(name, values, remedy=remedy)
    if is_concrete(values):
        steps = np.diff(np.atleast_1d(np.asarray(values)))
        check_positive(name, steps, expected="rising lengths", remedy=remedy)
    return values
