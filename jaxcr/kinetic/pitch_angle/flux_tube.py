"""Streaming and focusing along a flux tube that is cut into cells."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import argument_error, as_float, check_positive, check_range, is_concrete
from jaxcr.kinetic.pitch_angle.ends import PeriodicEnd, TubeEnd
from jaxcr.kinetic.pitch_angle.operators import Diffusion, PitchAngleMethod
from jaxcr.kinetic.pitch_angle.quadrature import mean_exponential
from jaxcr.kinetic.pitch_angle.region import Region
from jaxcr.legendre import gauss_rule

_NODES = 8  # of Gauss's rule in each cell, for the integral of 1/L


class FluxTube(Region):
    """A flux tube cut into cells along its axis; the unknown is f(z, mu).

    In a cell with faces of area A = 1/B and volume V, with F the value of f on a face,

        V df/dt = -v mu [(A F)_right - (A F)_left] + V d_mu(D d_mu f)
                  - (v/2) (A_right - A_left) d_mu[(1 - mu²) f],

    since the integral of (1/L)/B over the cell is the difference of its areas. F is taken
    upwind from straight lines in the cells (Fromm), so the scheme is linear.

    Parameters
    ----------
    edges
        z of the faces in pc, rising, ``(edge,)``, three at least.
    field_strength
        B at the faces in µG or any unit, ``(edge,)``; positive.
        ``field_from_focusing`` makes it from L(z). Constant by default.
    left, right
        Ends: ``PeriodicEnd`` (default, both), ``ReflectingEnd``, ``FreeEnd`` or ``InflowEnd``.

    Raises
    ------
    ValueError
        If shapes differ, known edges do not rise or a known field is not positive; if one end
        alone is periodic, or both with ends of different field or cell width.

    Notes
    -----
    Error O(h²), in space and in B, without limiter: f may undershoot at fronts. A uniform,
    isotropic f stays for any B to rounding (Liouville), and so does the number of particles.
    """

    edges: Float[Array, " edge"]
    field_strength: Float[Array, " edge"]
    left: TubeEnd
    right: TubeEnd

    def __init__(
        self,
        edges: Float[Array, " edge"],
        *,
        field_strength: Float[Array, " edge"] | None = None,
        left: TubeEnd | None = None,
        right: TubeEnd | None = None,
    ):
        self.edges = as_float(edges)
        self.field_strength = jnp.ones_like(self.edges)
        if field_strength is not None:
            self.field_strength = as_float(field_strength)
        self.left = PeriodicEnd() if left is None else left
        self.right = PeriodicEnd() if right is None else right
        _check_faces(self.edges, self.field_strength)
        _check_ends(self)

    @property
    def centers(self) -> Float[Array, " cell"]:
        """Middle of each cell in pc."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def volumes(self) -> Float[Array, " cell"]:
        """Integral of 1/B over each cell in pc/µG, for B exponential in it."""
        area = 1 / self.field_strength
        return jnp.diff(self.edges) * area[:-1] * mean_exponential(jnp.log(area[1:] / area[:-1]))

    def shape(self, method: PitchAngleMethod) -> tuple[int, ...]:
        """Return (cell, mu)."""
        return (self.edges.size - 1, *method.cosines().shape)

    def motion(
        self, diffusion: Diffusion, speed: Scalar, method: PitchAngleMethod
    ) -> Callable[[Array], Array]:
        """Return streaming, focusing and scattering."""
        cosines, area, volumes = method.cosines(), 1 / self.field_strength, self.volumes
        focusing = speed * jnp.diff(area) / (2 * volumes)
        matrices = jax.vmap(lambda rate: method.operator(diffusion, rate))(focusing)

        def change(values):
            flow = speed * area[:, None] * cosines[None, :] * _on_faces(self, values, cosines)
            turned = jnp.einsum("imn,in->im", matrices, values)
            return turned - jnp.diff(flow, axis=0) / volumes[:, None]

        return change

    def number(self, values: Float[Array, "..."], method: PitchAngleMethod) -> Scalar:
        """Return int dz int dmu f/B."""
        return self.volumes @ (values @ method.weights())

    def is_closed(self) -> bool:
        """Return whether both ends are closed."""
        return self.left.closed and self.right.closed


def field_from_focusing(
    edges: Float[Array, " edge"], inverse_focusing_length: Callable[[Array], Array]
) -> Float[Array, " edge"]:
    """Return B at the faces from 1/L(z), B = exp(-int dz/L), one at the first face.

    Parameters
    ----------
    edges
        z of the faces in pc, rising, ``(edge,)``.
    inverse_focusing_length
        z in pc -> 1/L = -dlnB/dz in 1/pc, for arrays of any shape.
    """
    nodes, weights = (jnp.asarray(x, edges.dtype) for x in gauss_rule(_NODES))
    half = jnp.diff(edges)[:, None] / 2
    places = edges[:-1, None] + half * (1 + nodes[None, :])
    falls = jnp.sum(half * weights[None, :] * inverse_focusing_length(places), axis=1)
    return jnp.exp(-jnp.concatenate([jnp.zeros_like(falls[:1]), jnp.cumsum(falls)]))


def _on_faces(tube, values, cosines):
    """Return f on the faces, (edge, mu), from the side that particles come from."""
    width, rightward = jnp.diff(tube.edges), cosines > 0
    before = tube.left.beyond(values[0], values[1], values[-1], rightward, cosines)
    after = tube.right.beyond(values[-1], values[-2], values[0], ~rightward, cosines)
    padded = jnp.concatenate([before[None], values, after[None]])
    places = jnp.concatenate(
        [tube.centers[:1] - width[:1], tube.centers, tube.centers[-1:] + width[-1:]]
    )
    slope = (padded[2:] - padded[:-2]) / (places[2:] - places[:-2])[:, None]
    to_left, to_right = values - slope * width[:, None] / 2, values + slope * width[:, None] / 2
    enter_left = tube.left.incoming(to_left[0], to_right[-1], cosines)
    enter_right = tube.right.incoming(to_right[-1], to_left[0], cosines)
    from_left = jnp.concatenate([enter_left[None], to_right])
    from_right = jnp.concatenate([to_left, enter_right[None]])
    return jnp.where(rightward[None, :], from_left, from_right)


def _check_faces(edges, field_strength):
    """Raise unless the faces make at least two cells with a positive field."""
    check_range("FluxTube: number of edges", edges.size, 3)
    if is_concrete(edges):
        check_positive("FluxTube: steps of edges", np.diff(edges), remedy="Sort the faces.")
    check_positive("FluxTube: field_strength", field_strength, remedy="It is |B| along the tube.")


def _check_ends(tube):
    """Raise unless periodic ends come in pairs that fit."""
    periodic = [isinstance(end, PeriodicEnd) for end in (tube.left, tube.right)]
    if any(periodic) and not all(periodic):
        raise argument_error(
            "FluxTube: left, right",
            expected="both ends periodic, or neither",
            got=f"{type(tube.left).__name__} and {type(tube.right).__name__}",
            remedy="Name both ends.",
        )
    if all(periodic) and is_concrete(tube.edges, tube.field_strength):
        width, field = np.diff(tube.edges), np.asarray(tube.field_strength)
        if not np.allclose([width[0], field[0]], [width[-1], field[-1]], rtol=1e-10, atol=0):
            raise argument_error(
                "FluxTube: edges, field_strength",
                expected="first and last cell equally wide and one field at both periodic ends",
                got=f"widths {width[0]:g}, {width[-1]:g} pc and fields {field[0]:g}, {field[-1]:g}",
                remedy="Otherwise particles are made or lost where the tube closes.",
            )
