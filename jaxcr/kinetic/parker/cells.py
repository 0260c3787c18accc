"""The coefficients of a transport problem on the cells and faces of its grid."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, check_shape, is_concrete
from jaxcr.kinetic.parker.grid import SpatialGrid
from jaxcr.kinetic.parker.problem import ParkerProblem, as_shape


class AxisMetric(eqx.Module):
    """Lengths, areas and volumes along one axis.

    ``distance`` lies between the middles of neighbours and ``span`` between those of the cell
    before and the cell after; cells beyond the ends are as wide as the last.
    """

    area: Float[Array, " edge"]
    volume: Float[Array, " cell"]
    width: Float[Array, " cell"]
    distance: Float[Array, " edge"]
    span: Float[Array, " cell"]


class SpatialCells(eqx.Module):
    """What transport in space needs at one momentum, or at all with a leading axis.

    Attributes
    ----------
    metrics
        One for each axis.
    speed
        u across the faces of each axis, from the momentum-independent flow.
    tensor
        The row of kappa that belongs to the faces of each axis, (..., axis).
    held
        Densities prescribed at both ends of each axis.
    mirrors, closed
        Of the boundary conditions; static.
    """

    metrics: tuple[AxisMetric, ...]
    speed: tuple[Array, ...]
    tensor: tuple[Array, ...]
    held: tuple[tuple[Array, Array], ...]
    mirrors: tuple[tuple[float, float], ...] = eqx.field(static=True)
    closed: tuple[tuple[bool, bool], ...] = eqx.field(static=True)

    def over_momenta(self) -> "SpatialCells":
        """Return the axes to map over for all momenta at once, as ``jax.vmap`` takes them."""
        axes = jax.tree.map(lambda _: None, self)
        return eqx.tree_at(
            lambda s: (s.tensor, s.held),
            axes,
            jax.tree.map(lambda _: 0, (self.tensor, self.held)),
            is_leaf=lambda x: x is None,
        )

    def homogeneous(self) -> "SpatialCells":
        """Return the same with nothing held at the ends: fluxes are then linear in the density."""
        return eqx.tree_at(lambda s: s.held, self, jax.tree.map(jnp.zeros_like, self.held))

    def cross_section(self, axis: int) -> Array:
        """Return what multiplies area times flux on one axis: volume factors of the others."""
        ndim = len(self.metrics)
        total = jnp.ones((1,) * ndim, self.metrics[0].volume.dtype)
        for other, metric in enumerate(self.metrics):
            if other != axis:
                total = total * along(metric.volume, other, ndim)
        return total


class ParkerCells(eqx.Module):
    """All coefficients of a problem on its grid.

    Attributes
    ----------
    space
        With the momentum axis first in ``tensor`` and ``held``.
    gain
        dlnp/dt at the edges in ln p of every cell, (momentum + 1, ...), 1/pc.
    momentum_diffusion
        D_pp/p² at the same edges, 1/pc; ``None`` without.
    loss, source
        (momentum, ...), 1/pc, and particles per volume, pc and ln p.
    edge_shape, cell_shape
        The reference power law at the edges and in the cells of momentum.
    volumes
        Of the cells, (...).
    log_width
        Of the cells of momentum; 1 without.
    continued
        See ``MomentumGrid``.
    """

    space: SpatialCells
    gain: Float[Array, "..."]
    momentum_diffusion: Float[Array, "..."] | None
    loss: Float[Array, "..."]
    source: Float[Array, "..."]
    edge_shape: Float[Array, " edge"]
    cell_shape: Float[Array, " momentum"]
    volumes: Float[Array, "..."]
    log_width: Float[Array, ""]
    continued: bool = eqx.field(static=True)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the density, (momentum, ...)."""
        return self.loss.shape


def discretise(problem: ParkerProblem) -> ParkerCells:
    """Return the coefficients of a problem on its grid.

    Raises
    ------
    ValueError
        If the symmetric part of the diffusion tensor is not positive definite on some face, a
        coefficient is not finite, a loss rate or diffusion in momentum is negative, or a shape does
        not fit; RuntimeError under a transformation, where values are not known before.
    """
    cells, lowest = _evaluate(problem)
    named = {
        "diffusion": cells.space.tensor,
        "velocity": cells.space.speed,
        "momentum_loss": cells.gain,
        "momentum_diffusion": cells.momentum_diffusion,
        "loss_rate": cells.loss,
        "source": cells.source,
    }
    for name, values in named.items():
        finite = [jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves(values)]
        cells = _check(
            cells,
            jnp.array(finite, bool).all(),
            name,
            expected="finite values in every cell and on every face",
            got="nan or inf",
            remedy="Look at the ends of the grid: r = 0, or momenta outside a table.",
        )
    cells = _check(
        cells,
        lowest > 0,
        "diffusion",
        expected="a tensor whose symmetric part is positive definite",
        got=f"an eigenvalue of {float(lowest):g} pc" if is_concrete(lowest) else "another",
        remedy="Diffusion along and across the field must be positive; the antisymmetric part "
        "is free.",
    )
    for name, values, remedy in (
        ("loss_rate", cells.loss, "Sources go into `source`."),
        ("momentum_diffusion", cells.momentum_diffusion, "Gains go into `momentum_loss`."),
    ):
        if values is not None:
            cells = _check(
                cells,
                jnp.all(values >= 0),
                name,
                expected="rates >= 0 in 1/pc",
                got="negative ones",
                remedy=remedy,
            )
    return cells


@eqx.filter_jit
def _evaluate(problem: ParkerProblem) -> tuple[ParkerCells, Array]:
    """Return the coefficients, and the lowest eigenvalue of symmetric diffusion."""
    grid, dtype = problem.grid, problem.grid.dtype
    momenta = problem.momenta()
    cells = grid.cells()
    axes = range(len(grid.shape))
    tensors = [_tensor(problem, axis, momenta) for axis in axes]
    space = SpatialCells(
        metrics=tuple(_metric(grid, axis) for axis in axes),
        speed=tuple(_speed(problem, axis) for axis in axes),
        tensor=tuple(tensors[axis][..., axis, :] for axis in axes),
        held=tuple(_held(problem, axis, momenta) for axis in axes),
        mirrors=tuple((low.mirror, high.mirror) for low, high in problem.boundaries),
        closed=tuple((low.closed, high.closed) for low, high in problem.boundaries),
    )
    if problem.momentum is None:
        shapes = jnp.ones(2, dtype), jnp.ones(1, dtype)
        gain, log_width = jnp.zeros((2, *grid.shape), dtype), jnp.ones((), dtype)
        spread = None
    else:
        edges = problem.momentum.edges().astype(dtype)
        shapes = (problem.momentum.shape_at_edges(), problem.momentum.shape_in_cells())
        log_width = problem.momentum.log_width.astype(dtype)
        expansion = divergence(space.metrics, space.speed)
        gain = -expansion[None] / 3 - _on(problem.momentum_loss_at, cells, edges)
        spread = None
        if problem.diffuses_in_momentum:
            spread = _on(problem.momentum_diffusion_at, cells, edges)
    found = ParkerCells(
        space=space,
        gain=gain,
        momentum_diffusion=spread,
        loss=_on(problem.loss_rate_at, cells, momenta),
        source=_source(problem, cells, momenta),
        edge_shape=shapes[0].astype(dtype),
        cell_shape=shapes[1].astype(dtype),
        volumes=grid.volumes(),
        log_width=log_width,
        continued=problem.momentum is not None and problem.momentum.continued,
    )
    return found, jnp.stack([_lowest_eigenvalue(x) for x in tensors]).min()


def along(values: Array, axis: int, ndim: int) -> Array:
    """Return numbers of one axis in the shape that multiplies an array of all axes."""
    return values.reshape([-1 if other == axis else 1 for other in range(ndim)])


def divergence(metrics: tuple[AxisMetric, ...], fluxes: tuple[Array, ...]) -> Array:
    """Return the divergence of fluxes across the faces: area times flux over the volume."""
    total = None
    for axis, (metric, flux) in enumerate(zip(metrics, fluxes, strict=True)):
        carried = along(metric.area, axis, flux.ndim) * flux
        term = jnp.diff(carried, axis=axis) / along(metric.volume, axis, flux.ndim)
        total = term if total is None else total + term
    return total


def closed_faces(closed: tuple[bool, bool], axis: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return which faces across an axis nothing passes, in a shape that multiplies theirs."""
    index = np.arange(shape[axis])
    shut = (closed[0] & (index == 0)) | (closed[1] & (index == shape[axis] - 1))
    return shut.reshape([-1 if other == axis else 1 for other in range(len(shape))])


def _metric(grid: SpatialGrid, axis: int) -> AxisMetric:
    width = jnp.diff(grid.edges[axis])
    padded = jnp.concatenate([width[:1], width, width[-1:]])
    distance = (padded[1:] + padded[:-1]) / 2
    return AxisMetric(
        grid.area(axis), grid.volume(axis), width, distance, distance[1:] + distance[:-1]
    )


def _on(function, positions: Array, momenta: Array) -> Array:
    """Return a function of position and momentum at all of both, momenta first."""
    points = positions.reshape(-1, positions.shape[-1])
    values = jax.vmap(lambda p: jax.vmap(lambda x: function(x, p))(points))(momenta)
    return values.reshape(momenta.shape[0], *positions.shape[:-1], *values.shape[2:])


def _speed(problem: ParkerProblem, axis: int) -> Array:
    faces = problem.grid.faces(axis)
    speed = jax.vmap(problem.velocity_at)(faces.reshape(-1, faces.shape[-1]))[:, axis]
    speed = speed.reshape(faces.shape[:-1])
    closed = tuple(end.closed for end in problem.boundaries[axis])
    return jnp.where(closed_faces(closed, axis, speed.shape), 0, speed)


def _tensor(problem: ParkerProblem, axis: int, momenta: Array) -> Array:
    tensor = _on(problem.tensor_at, problem.grid.faces(axis), momenta)
    size = len(problem.grid.shape)
    check_shape("ParkerProblem: diffusion", tensor, (*tensor.shape[:-2], size, size))
    return tensor


def _lowest_eigenvalue(tensor: Array) -> Array:
    """Return the least eigenvalue of the symmetric part anywhere, without a derivative."""
    tensor = jax.lax.stop_gradient(tensor)
    return jnp.min(jnp.linalg.eigvalsh((tensor + jnp.swapaxes(tensor, -1, -2)) / 2))


def _held(problem: ParkerProblem, axis: int, momenta: Array) -> tuple[Array, Array]:
    """Return the densities held at both ends of an axis, with that axis of length one."""
    faces = problem.grid.faces(axis)
    pair = []
    for end, condition in zip((0, -1), problem.boundaries[axis], strict=True):
        places = jnp.take(faces, jnp.array([end]), axis=axis)
        held = _on(
            lambda x, p, c=condition: as_shape("Prescribed: value", c.density(x, p), ()),
            places,
            momenta,
        )
        pair.append(held.astype(problem.grid.dtype))
    return pair[0], pair[1]


def _source(problem: ParkerProblem, cells: Array, momenta: Array) -> Array:
    shape = (momenta.shape[0], *cells.shape[:-1])
    if problem.source is None:
        return jnp.zeros(shape, cells.dtype)
    if callable(problem.source):
        source = _on(
            lambda x, p: as_shape("ParkerProblem: source", problem.source(x, p), ()),
            cells,
            momenta,
        )
    else:
        source = problem.source
        check_shape("ParkerProblem: source", source, shape, shape[1:], remedy="One number a cell.")
        source = jnp.broadcast_to(source, shape)
    return source.astype(cells.dtype)


def _check(cells: ParkerCells, good: Array, name: str, **message: str) -> ParkerCells:
    """Return the cells; raise now if ``good`` is known to be false, else when it is."""
    error = argument_error(f"ParkerProblem: {name}", **message)
    if not is_concrete(good):
        return eqx.error_if(cells, ~good, str(error))
    if not bool(good):
        raise error
    return cells
