"""Back-track the sky of an observer to a boundary."""

import dataclasses
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, as_float, check_range, check_shape, is_concrete
from jaxcr.fields import Field
from jaxcr.fields.field import check_static
from jaxcr.orbits import Pusher, Sphere, Stop, trace_ensemble
from jaxcr.orbits.exits import REACHED, Exits
from jaxcr.sky.arrivals.directions import refined_directions

MAX_LOST_SHARE = 0.01
"""Share of orbits that may fail to reach the boundary before a sky is an error."""


class Arrivals(eqx.Module):
    """Where the particles that arrive at an observer crossed the boundary.

    The axes of the orbits are ``(pixel, child)`` where they were grouped by pixels, and
    ``(particle,)`` where they were not; below they are called ``*orbit``.

    Attributes
    ----------
    position, direction
        Crossing point in pc, and unit vector of the FORWARD momentum there:
        ``(*observer, *stop, *orbit, 3)``, axes present as they were asked for.
    path_length
        In pc, without the last axis.
    reached
        Whether the orbit reached the last stop, ``(*observer, *orbit)``.
    arrival
        Unit vector of the place in the sky where the particle is seen, ``(*orbit, 3)``.
    observer
        In pc, ``(*observer, 3)``.
    weight
        Relative number of particles that each orbit stands for, ``(*orbit,)``.
    """

    position: Float[Array, "*all xyz=3"]
    direction: Float[Array, "*all xyz=3"]
    path_length: Float[Array, "*all"]
    reached: Bool[Array, "..."]
    arrival: Float[Array, "*orbit xyz=3"]
    observer: Float[Array, "*observer xyz=3"]
    weight: Float[Array, "*orbit"]

    def lost_share(self) -> Float[Array, ""]:
        """Return the share of orbits that never reached the boundary."""
        return jnp.mean((~self.reached).astype(self.path_length.dtype))

    def diffusion(self) -> Float[Array, "*batch xyz=3 xyz=3"]:
        """Return K = kappa / v in pc about each observer, ``(*observer, *stop, 3, 3)``.

        K_ij = <p_i (r - observer)_j>, p the arrival direction of an orbit that ends at r.

        Notes
        -----
        For arrivals that cover the sky evenly. Local, of one field: of several observers the
        mean, and the scatter its error. It grows with the path to its limit in about a mean free
        path, with noise that grows on as the square root of the path. Its antisymmetric part is
        the drift. Source: Green-Kubo, K = <n(0) ∫ n(s) ds> along orbits.
        """
        return _mean_moment(self)

    def too_many_lost(self) -> Bool[Array, "*observer"]:
        """Return which observers lost more than 1 % of their orbits."""
        orbit_axes = tuple(range(-self.weight.ndim, 0))
        lost = (~self.reached).astype(self.path_length.dtype)
        return jnp.mean(lost, axis=orbit_axes) > MAX_LOST_SHARE

    def check_lost(self, caller: str) -> None:
        """Raise where an observer is known to have lost more than 1 % of the orbits."""
        if not is_concrete(self.reached):
            return
        orbit_axes = tuple(range(-self.weight.ndim, 0))
        share = np.max(np.mean(~np.asarray(self.reached), axis=orbit_axes))
        if share > MAX_LOST_SHARE:
            raise argument_error(
                f"{caller}: orbits that never reach the boundary",
                expected=f"at most {MAX_LOST_SHARE:.0%}",
                got=f"{share:.2%}",
                remedy="Raise max_path_length, or choose a smaller sphere.",
            )

    def select(self, *, observer: int | None = None, stop: int | None = None) -> "Arrivals":
        """Return the arrivals of one observer, at one stop, or both, without that axis.

        Raises
        ------
        ValueError
            When there is no such axis, or it is shorter.
        """
        arrivals, num_stops = self, self.path_length.ndim - self.reached.ndim
        if stop is not None:
            axis = self.observer.ndim - 1
            arrivals = self._take("stop", stop, axis if num_stops else None, others=False)
        if observer is not None:
            axis = 0 if self.observer.ndim > 1 else None
            arrivals = arrivals._take("observer", observer, axis, others=True)
        return arrivals

    def _take(self, name: str, index: int, axis: int | None, *, others: bool) -> "Arrivals":
        """Return row ``index`` of the arrays that have the axis."""
        length = None if axis is None else self.path_length.shape[axis]
        if length is None or not -length <= index < length:
            raise argument_error(
                f"Arrivals.select: {name}",
                expected=f"an index below {length}"
                if length
                else f"several {name}s to select from",
                got=index,
                remedy="Axes are present only where several were asked for.",
            )
        names = ("position", "direction", "path_length") + ("reached", "observer") * others
        rows = _rows({key: getattr(self, key) for key in names}, index, axis)
        return dataclasses.replace(self, **rows)


@eqx.filter_jit
def _mean_moment(arrivals: Arrivals) -> Float[Array, "*batch xyz=3 xyz=3"]:
    num_orbits, batch = arrivals.weight.size, arrivals.path_length.shape
    batch = batch[: len(batch) - arrivals.weight.ndim]
    reached = arrivals.reached.astype(arrivals.weight.dtype)
    weight = jnp.broadcast_to(arrivals.weight, reached.shape) * reached
    weight = weight.reshape(*arrivals.observer.shape[:-1], num_orbits)
    observer = arrivals.observer[..., None, :]
    if len(batch) == arrivals.observer.ndim:  # several stops
        weight, observer = weight[..., None, :], observer[..., None, :]
    away = arrivals.position.reshape(*batch, num_orbits, 3)
    away = away - jnp.broadcast_to(observer, away.shape)
    weight = jnp.broadcast_to(weight, away.shape[:-1])
    away = jnp.where(weight[..., None] == 0, 0, away)
    moment = jnp.einsum("...p,pi,...pj->...ij", weight, arrivals.arrival.reshape(-1, 3), away)
    return moment / jnp.sum(weight, axis=-1)[..., None, None]


@partial(jax.jit, static_argnames="axis")
def _rows(arrays: dict[str, Array], index: Int[Array, ""], axis: int) -> dict[str, Array]:
    return {key: jnp.take(x, index, axis=axis) for key, x in arrays.items()}


def backtrack(
    field: Field,
    *,
    rigidity: ScalarLike | Float[Array, "..."],
    stop: Stop,
    observer: Float[Array, "xyz=3"] | Float[Array, "observer xyz=3"],
    nside: int | None = None,
    per_pixel: int = 4,
    directions: Float[Array, "*orbit xyz=3"] | None = None,
    weight: Float[Array, "..."] | None = None,
    pusher: Pusher | None = None,
    dtype=None,
    **options,
) -> Arrivals:
    """Trace the particles that arrive from every direction back to the boundary.

    A particle that arrives from p moves along -p; the opposite charge is traced along +p.

    Parameters
    ----------
    rigidity
        Of the arriving particles, PV, with the sign of their charge: one number, or one for each
        orbit, as `draw_energies` gives them.
    stop
        Spheres are about the observer.
    observer
        In pc: one ``(3,)``, or several ``(observer, 3)`` in one field.
    nside, per_pixel
        Pixels of the sky (RING order) and orbits in each, a power of four.
    directions
        Other arrival directions p, unit vectors, instead of ``nside``: ``(pixel, child, 3)`` as
        `jittered_directions` gives them, or any ``(particle, 3)``.
    weight
        Relative number of particles that each orbit stands for; default 1.
    pusher, options
        As for ``orbits.trace_ensemble``, without ``electric``.
    dtype
        Type of the orbits; default JAX's float.

    Raises
    ------
    ValueError
        When shapes disagree, a rigidity is 0, a weight negative, the field changes in time, an
        electric one is given, or more than 1 % of an observer's orbits never reach the boundary.

    Notes
    -----
    Inside jit nothing is raised: maps, spectra and tensors of an observer who lost more than 1 %
    of the orbits are NaN, as where a rigidity is 0 or not finite. See ``Arrivals.lost_share``.
    Source: f is constant along orbits (Liouville); Giacinti & Sigl, PRL 109 (2012) 071101.
    """
    why = "Back in time it is another field, and energies change in it. "
    check_static("backtrack: field", field, why)
    if "electric" in options:
        raise argument_error(
            "backtrack: electric",
            expected="no electric field",
            got="one",
            remedy="It changes the momentum, and then f differs at the two ends of an orbit by "
            "the spectrum; trace_ensemble traces such orbits.",
        )
    sky, weight = _directions(nside, per_pixel, directions), 1.0 if weight is None else weight
    dtype = jnp.dtype(jnp.result_type(float) if dtype is None else dtype)
    seen, particles, sign, weight = _particles(sky, rigidity, weight, observer, dtype)
    check_range(
        "backtrack: rigidity",
        sign,
        1.0,
        expected="a number of either sign, not 0",
        remedy="In PV, with the sign of the charge.",
    )
    check_range("backtrack: weight", weight, 0.0)
    position, direction, charge = particles
    stop = _about_start(stop)
    exits = trace_ensemble(
        field, position, direction, rigidity=charge, stop=stop, pusher=pusher, **options
    )
    arrivals = _arrivals(exits, *seen, weight, sign, stop.shape)
    arrivals.check_lost("backtrack")
    return arrivals


@partial(jax.jit, static_argnames="dtype")
def _particles(sky, rigidity, weight, observer, dtype: np.dtype):
    """Return places in the sky and observers, start states, 1 or a bad rigidity, weights."""
    sky, observer = (as_float(x).astype(dtype) for x in (sky, observer))
    orbit, batch = sky.shape[:-1], observer.shape[:-1]
    rigidity = _for_each_orbit("rigidity", rigidity, orbit, dtype)
    weight = _for_each_orbit("weight", weight, orbit, dtype)
    moving = (rigidity != 0) & jnp.isfinite(rigidity)

    def rows(x, *vector):
        """Return one row for each observer and orbit."""
        return jnp.broadcast_to(x, (*batch, *orbit, *vector)).reshape(-1, *vector)

    position = rows(observer.reshape(*batch, *(1,) * len(orbit), 3), 3)
    direction = rows(sky.reshape((1,) * len(batch) + sky.shape), 3)
    charge = rows(-rigidity.reshape((1,) * len(batch) + orbit))
    particles = position, direction, charge
    return (sky, observer), particles, jnp.where(moving, 1, rigidity), weight


@partial(jax.jit, static_argnames="stops")
def _arrivals(exits: Exits, sky, observer, weight, sign, stops: tuple[int, ...]) -> Arrivals:
    """Return the ends of the orbits by observer, stop and orbit."""
    orbit, batch = sky.shape[:-1], observer.shape[:-1]

    def unfold(x, *vector):
        x = x.reshape(*stops, *batch, *orbit, *vector)
        return jnp.moveaxis(x, 0, len(batch)) if stops else x

    return Arrivals(
        unfold(exits.position, 3),
        -unfold(exits.direction, 3),
        unfold(exits.path_length),
        (exits.status == REACHED).reshape(*batch, *orbit),
        sky,
        observer,
        jnp.where((sign == 1) & jnp.all(jnp.isfinite(sky), axis=-1), weight, jnp.nan),
    )


def _directions(nside, per_pixel, directions):
    """Return the directions that were asked for, one way or the other."""
    if (nside is None) == (directions is None):
        raise argument_error(
            "backtrack: nside, directions",
            expected="one of them",
            got="none" if nside is None else "both",
            remedy="nside makes a grid of directions; or give your own.",
        )
    return refined_directions(nside, per_pixel) if directions is None else directions


def _for_each_orbit(name: str, value, orbit: tuple[int, ...], dtype) -> Float[Array, "..."]:
    """Return one value for each orbit."""
    value = as_float(value).astype(dtype)
    check_shape(f"backtrack: {name}", value, (), orbit)
    return jnp.broadcast_to(value, orbit)


def _about_start(stop: Stop) -> Stop:
    """Return the stop with spheres centred on the observer."""
    if not isinstance(stop, Sphere):
        return stop
    return dataclasses.replace(stop, about_start=True)
