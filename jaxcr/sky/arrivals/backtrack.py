"""Back-track the sky of an observer to a boundary."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, as_float, check_range, check_shape, is_concrete
from jaxcr.fields import Field
from jaxcr.orbits import Pusher, Sphere, Stop, trace_ensemble
from jaxcr.orbits.exits import REACHED
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

    def too_many_lost(self, caller: str) -> Bool[Array, "*observer"]:
        """Return which observers lost more than 1 % of their orbits; raise where that is known."""
        orbit_axes = tuple(range(-self.weight.ndim, 0))
        share = jnp.mean((~self.reached).astype(self.path_length.dtype), axis=orbit_axes)
        if is_concrete(share) and float(jnp.max(share)) > MAX_LOST_SHARE:
            raise argument_error(
                f"{caller}: orbits that never reach the boundary",
                expected=f"at most {MAX_LOST_SHARE:.0%}",
                got=f"{float(jnp.max(share)):.2%}",
                remedy="Raise max_path_length, or choose a smaller sphere.",
            )
        return share > MAX_LOST_SHARE

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
        rows = {key: jnp.take(getattr(self, key), index, axis=axis) for key in names}
        return dataclasses.replace(self, **rows)


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
        When shapes disagree, a rigidity is 0, a weight negative, an electric field is given, or
        more than 1 % of an observer's orbits never reach the boundary.

    Notes
    -----
    Inside jit nothing is raised: maps, spectra and tensors of an observer who lost more than 1 %
    of the orbits are NaN, as where a rigidity is 0 or not finite. See ``Arrivals.lost_share``.
    Source: f is constant along orbits (Liouville); Giacinti & Sigl, PRL 109 (2012) 071101.
    """
    if "electric" in options:
        raise argument_error(
            "backtrack: electric",
            expected="no electric field",
            got="one",
            remedy="It changes the momentum, and then f differs at the two ends of an orbit by "
            "the spectrum; trace_ensemble traces such orbits.",
        )
    dtype = jnp.result_type(float) if dtype is None else dtype
    sky = jnp.asarray(_directions(nside, per_pixel, directions), dtype)
    orbit = sky.shape[:-1]
    rigidity = _for_each_orbit("rigidity", rigidity, orbit, dtype)
    moving = (rigidity != 0) & jnp.isfinite(rigidity)
    check_range(
        "backtrack: rigidity",
        jnp.where(moving, 1.0, rigidity),
        1.0,
        expected="a number of either sign, not 0",
        remedy="In PV, with the sign of the charge.",
    )
    weight = _for_each_orbit("weight", 1.0 if weight is None else weight, orbit, dtype)
    check_range("backtrack: weight", weight, 0.0)
    observer = as_float(observer).astype(dtype)
    batch = observer.shape[:-1]
    middle = (1,) * len(orbit)
    start = jnp.broadcast_to(observer.reshape(*batch, *middle, 3), (*batch, *orbit, 3))
    exits = trace_ensemble(
        field,
        start.reshape(-1, 3),
        jnp.broadcast_to(sky.reshape((1,) * len(batch) + sky.shape), start.shape).reshape(-1, 3),
        rigidity=-jnp.broadcast_to(
            rigidity.reshape((1,) * len(batch) + orbit), (*batch, *orbit)
        ).reshape(-1),
        stop=_about_start(stop),
        pusher=pusher,
        **options,
    )

    def unfold(x, *vector):
        x = x.reshape(*stop.shape, *batch, *orbit, *vector)
        return jnp.moveaxis(x, 0, len(batch)) if stop.shape else x

    arrivals = Arrivals(
        unfold(exits.position, 3),
        -unfold(exits.direction, 3),
        unfold(exits.path_length),
        (exits.status == REACHED).reshape(*batch, *orbit),
        sky,
        observer,
        jnp.where(moving & jnp.all(jnp.isfinite(sky), axis=-1), weight, jnp.nan),
    )
    arrivals.too_many_lost("backtrack")
    return arrivals


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
