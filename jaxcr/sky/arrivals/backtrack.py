"""Back-track the sky of an observer, and weigh it by a boundary: Liouville's theorem."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcr.arrays import ScalarLike, argument_error, as_float, is_concrete
from jaxcr.fields import Field
from jaxcr.orbits import Pusher, Sphere, Stop, trace_ensemble
from jaxcr.orbits.exits import REACHED
from jaxcr.sky.arrivals.boundaries import BoundaryDistribution
from jaxcr.sky.arrivals.directions import first_half, refined_directions

MAX_LOST_SHARE = 0.01
"""Share of orbits that may fail to reach the boundary before a sky is an error."""


class Arrivals(eqx.Module):
    """Where the particles that arrive in each pixel crossed the boundary.

    Attributes
    ----------
    position, direction
        Crossing point in pc, and unit vector of the FORWARD momentum there:
        ``(*observer, *stop, pixel, child, 3)``, axes present as they were asked for.
    path_length
        In pc, without the last axis.
    reached
        Whether the orbit reached the last stop, ``(*observer, pixel, child)``.
    """

    position: Float[Array, "*batch pixel child xyz=3"]
    direction: Float[Array, "*batch pixel child xyz=3"]
    path_length: Float[Array, "*batch pixel child"]
    reached: Bool[Array, "*observer pixel child"]

    def lost_share(self) -> Float[Array, ""]:
        """Return the share of orbits that never reached the boundary."""
        return jnp.mean((~self.reached).astype(self.path_length.dtype))


def backtrack(
    field: Field,
    *,
    rigidity: ScalarLike,
    stop: Stop,
    observer: Float[Array, "*observer xyz=3"],
    nside: int,
    per_pixel: int = 4,
    pusher: Pusher | None = None,
    dtype=None,
    **options,
) -> Arrivals:
    """Trace the particles that arrive from every pixel back to the boundary.

    A particle that arrives from pixel p moves along -p; the opposite charge is traced along +p.

    Parameters
    ----------
    rigidity
        Of the arriving particles, PV, with the sign of their charge.
    stop
        Spheres are about the observer.
    observer
        In pc: one ``(3,)``, or several ``(observer, 3)`` in one field.
    nside, per_pixel
        Pixels of the sky (RING order) and orbits in each, a power of four.
    pusher, options
        As for ``orbits.trace_ensemble``.
    dtype
        Type of the orbits; default JAX's float.

    Raises
    ------
    ValueError
        When the rigidity is 0, or more than 1 % of the orbits never reach the boundary (inside
        jit nothing is raised: see ``Arrivals.lost_share``).

    Notes
    -----
    Source: f is constant along orbits (Liouville); Giacinti & Sigl, PRL 109 (2012) 071101.
    """
    _check_rigidity(rigidity)
    dtype = jnp.result_type(float) if dtype is None else dtype
    sky = jnp.asarray(refined_directions(nside, per_pixel), dtype)
    observer = as_float(observer).astype(dtype)
    batch = observer.shape[:-1]
    start = jnp.broadcast_to(observer[..., None, None, :], (*batch, *sky.shape))
    exits = trace_ensemble(
        field,
        start.reshape(-1, 3),
        jnp.broadcast_to(sky, start.shape).reshape(-1, 3),
        rigidity=-as_float(rigidity),
        stop=_about_start(stop),
        pusher=pusher,
        **options,
    )

    def unfold(x, *vector):
        x = x.reshape(*stop.shape, *batch, *sky.shape[:2], *vector)
        return jnp.moveaxis(x, 0, len(batch)) if stop.shape else x

    arrivals = Arrivals(
        unfold(exits.position, 3),
        -unfold(exits.direction, 3),
        unfold(exits.path_length),
        (exits.status == REACHED).reshape(*batch, *sky.shape[:2]),
    )
    _reject_lost(arrivals)
    return arrivals


def intensity_map(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> Float[Array, "*batch pixel"]:
    """Return the map of dI/I: the mean excess of the orbits in each pixel.

    Parameters
    ----------
    boundary
        Distribution where the orbits crossed; intensities are relative to its isotropic part.

    Returns
    -------
    ``(*observer, *stop, pixel)`` in RING order; the mean over the sky is not removed.

    Notes
    -----
    Linear in the boundary, hence exact for any amplitude. A pixel all of whose orbits were
    lost is 0.
    """
    samples, weight = pixel_samples(arrivals, boundary)
    return _weighted_mean(samples, weight)


def half_maps(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> tuple[Float[Array, "*batch pixel"], Float[Array, "*batch pixel"]]:
    """Return two maps of dI/I from disjoint halves of the orbits, for cross spectra."""
    samples, weight = pixel_samples(arrivals, boundary)
    return split_mean(samples, weight)


def pixel_samples(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> tuple[Float[Array, "*batch pixel child"], Float[Array, "*batch pixel child"]]:
    """Return dI/I of every orbit, and its weight: 1, or 0 where it was lost."""
    excess = jnp.vectorize(boundary.excess, signature="(k),(k)->()")
    samples = excess(arrivals.position, arrivals.direction)
    return samples, orbit_weights(arrivals)


def orbit_weights(arrivals: Arrivals) -> Float[Array, "*batch pixel child"]:
    """Return 1 for every orbit that reached the boundary, else 0, with the axes of the paths."""
    reached = arrivals.reached.astype(arrivals.path_length.dtype)
    if reached.ndim < arrivals.path_length.ndim:
        reached = reached[..., None, :, :]
    return jnp.broadcast_to(reached, arrivals.path_length.shape)


def split_mean(samples: Float[Array, "*batch child"], weight: Float[Array, "*batch child"]):
    """Return the means of the two disjoint halves of each pixel's orbits."""
    first = jnp.asarray(first_half(samples.shape[-1]), samples.dtype)
    first = jnp.broadcast_to(first, samples.shape)
    return _weighted_mean(samples, weight * first), _weighted_mean(samples, weight * (1 - first))


def _weighted_mean(samples, weight):
    total = jnp.sum(weight, axis=-1)
    safe = jnp.where(total > 0, total, 1)
    return jnp.sum(jnp.where(weight > 0, samples, 0) * weight, axis=-1) / safe


def _about_start(stop: Stop) -> Stop:
    """Return the stop with spheres centred on the observer."""
    if not isinstance(stop, Sphere):
        return stop
    return dataclasses.replace(stop, about_start=True)


def _check_rigidity(rigidity: ScalarLike) -> None:
    if is_concrete(rigidity) and not 0 < abs(float(rigidity)) < float("inf"):
        raise argument_error(
            "backtrack: rigidity",
            expected="a number of either sign, not 0",
            got=f"{float(rigidity):g}",
            remedy="In PV, with the sign of the charge.",
        )


def _reject_lost(arrivals: Arrivals) -> None:
    """Raise when too many orbits were lost; inside jit the caller looks at ``lost_share``."""
    if not is_concrete(arrivals.reached):
        return
    share = float(arrivals.lost_share())
    if share > MAX_LOST_SHARE:
        raise argument_error(
            "backtrack: orbits that never reach the boundary",
            expected=f"at most {MAX_LOST_SHARE:.0%}",
            got=f"{share:.2%}",
            remedy="Raise max_path_length, or choose a smaller sphere.",
        )
