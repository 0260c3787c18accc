"""Field lines, how they wander, and how pairs of them or of orbits separate."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_finite, check_positive, check_range, is_concrete
from jaxcr.compilation import jit_loop
from jaxcr.fields import Field, outside_samples
from jaxcr.orbits.diffusion import RunningTensor
from jaxcr.orbits.exits import LEFT_BOX, NOT_FINITE, REACHED, check_left_box
from jaxcr.orbits.pusher import check_steps
from jaxcr.statistics import Estimate, group_means, jackknife
from jaxcr.vectors import dot, unit_vector


class FieldLines(eqx.Module):
    """Field lines at equal intervals.

    Attributes
    ----------
    path
        In pc along the line, or along the axis that was given, ``(time,)``.
    position
        In pc, ``(time, line, 3)``; not a number behind a place where a line turned back, or left
        the samples of a clamped grid.
    status
        How each line ended, a key of ``STATUS_TEXT``, ``(line,)``; ``None``: not known.
    """

    path: Float[Array, " time"]
    position: Float[Array, "time line xyz=3"]
    status: Int[Array, " line"] | None = None


def trace_field_lines(
    field: Field,
    position: Float[Array, "line xyz=3"],
    *,
    length: ScalarLike,
    num_samples: int,
    axis: Vector | None = None,
    rtol: ScalarLike = 1e-5,
    max_step: ScalarLike | None = None,
) -> FieldLines:
    """Follow field lines, dx/ds = B/|B|, or dx/dz = B/(B · axis).

    Parameters
    ----------
    position
        Where lines start, in pc, ``(line, 3)``; its type is that of the computation.
    length, num_samples
        Of each line in pc, and into how many intervals it is divided.
    axis
        Count the length along this axis instead of along the line; lines that turn back against
        it end.
    rtol
        Error of a step over the interval between two samples.
    max_step
        In pc; of the order of the shortest wave, so that no step leaps over one. Default: none.

    Raises
    ------
    ValueError
        For starts that are not ``(line, 3)`` or less than one sample.

    Notes
    -----
    diffrax's Tsit5 with adaptive steps, as many as the line with the most needs.
    """
    check_finite("trace_field_lines: position", position)
    check_positive("trace_field_lines: length", length)
    check_range("trace_field_lines: num_samples", num_samples, 1.0)
    check_positive("trace_field_lines: rtol", rtol)
    check_positive("trace_field_lines: max_step", max_step)
    if max_step is not None and is_concrete(length, max_step):
        check_steps("trace_field_lines: length, over max_step", float(length) / float(max_step))
    dtype = position.dtype
    if axis is not None:
        axis = unit_vector("trace_field_lines: axis", axis).astype(dtype)
    options = [None if x is None else as_float(x).astype(dtype) for x in (length, rtol, max_step)]
    return FieldLines(*_follow(field, position, axis, *options, num_samples))


@jit_loop
def _follow(field, position, axis, length, rtol, max_step, num_samples):
    path = jnp.arange(num_samples + 1, dtype=length.dtype) * (length / num_samples)
    interval = length / num_samples
    controller = diffrax.PIDController(rtol=0.0, atol=rtol * interval, dtmax=max_step)
    clamped = outside_samples(field, position[0]) is not None

    def one(start):
        def slope(s, x, args):
            strength = field(start + x)
            along = jnp.sqrt(dot(strength, strength)) if axis is None else dot(strength, axis)
            return strength / jnp.where(along > 0, along, jnp.nan)

        def outside(s, x, args, **kwargs):
            return outside_samples(field, start + x)

        # Counted from the start, so that short steps are not lost far from 0.
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(slope), diffrax.Tsit5(), path[0], path[-1], 0.1 * interval,
            jnp.zeros_like(start), saveat=diffrax.SaveAt(ts=path), stepsize_controller=controller,
            max_steps=1_000_000, adjoint=diffrax.ForwardMode(), throw=False,
            event=diffrax.Event(outside) if clamped else None,
        )  # fmt: skip
        line = start[None] + solution.ys
        if not clamped:
            return line, jnp.asarray(False)
        beyond = jax.vmap(lambda x: outside_samples(field, x))(line)
        left = (solution.result == diffrax.RESULTS.event_occurred) | beyond[0]
        return jnp.where((jnp.cumsum(beyond) > 0)[:, None], jnp.nan, line), left

    lines, left = jax.vmap(one)(position)
    good = jnp.all(jnp.isfinite(lines), axis=(1, 2))
    status = jnp.where(left, LEFT_BOX, jnp.where(good, REACHED, NOT_FINITE)).astype(jnp.int32)
    lines = jnp.moveaxis(jnp.where(jnp.isfinite(lines), lines, jnp.nan), 0, 1)
    return path, lines, status


def field_line_diffusion(lines: FieldLines, *, num_groups: int = 16) -> RunningTensor:
    """Return the running diffusion tensor of field lines, d<x_i x_j>/2ds, in pc.

    Of displacements from the start less their mean, so that a mean field does not count; use
    ``across`` with its axis. Lines that are not finite to their end are left out; more than 1 %
    of them out of a clamped grid raise. Source: Jokipii & Parker, ApJ 155 (1969) 777.
    """
    if lines.status is not None and is_concrete(lines.status):
        num_left = int(jnp.sum(lines.status == LEFT_BOX))
        check_left_box("field_line_diffusion: lines", num_left, lines.status.size)
    moved = jnp.moveaxis(lines.position - lines.position[:1], 1, 0)
    means = group_means(moved, num_groups)
    squares = group_means(moved[..., :, None] * moved[..., None, :], num_groups)
    squares = squares - means[..., :, None] * means[..., None, :]
    interval = lines.path[1] - lines.path[0]
    return RunningTensor(lines.path, jnp.gradient(squares, axis=1) / (2 * interval))


class PairSeparation(eqx.Module):
    """How far pairs are apart, as a function of path.

    Attributes
    ----------
    path
        In pc, ``(time,)``.
    groups
        Mean square separation in pc² of each group of pairs, ``(group, time)``.
    """

    path: Float[Array, " time"]
    groups: Float[Array, "group time"]

    def rms(self) -> Estimate:
        """Return the root mean square separation in pc, ``(time,)``."""
        return jackknife(jnp.sqrt, self.groups)

    def exponent(self, lower: ScalarLike, upper: ScalarLike) -> Estimate:
        """Return d ln(rms separation) / d ln(path) where the rms lies between two lengths (pc).

        A straight line by least squares through the samples; not a number with fewer than two.
        """
        rms = jnp.sqrt(jnp.mean(self.groups, axis=0))
        used = ((rms >= lower) & (rms <= upper) & (self.path > 0)).astype(rms.dtype)
        x = jnp.log(jnp.where(self.path > 0, self.path, 1))
        x = x - _weighted_mean(used, x)

        def slope(squares: Float[Array, " time"]) -> Scalar:
            y = 0.5 * jnp.log(jnp.where(squares > 0, squares, 1))
            return _weighted_mean(used, x * y) / _weighted_mean(used, x * x)

        return jackknife(slope, self.groups)


def pair_separation(
    path: Float[Array, " time"],
    first: Float[Array, "time pair xyz=3"],
    second: Float[Array, "time pair xyz=3"],
    *,
    num_groups: int = 16,
) -> PairSeparation:
    """Return the mean square distance of pairs of field lines or of orbits.

    Parameters
    ----------
    path
        In pc, of ``FieldLines`` or ``Tracks``.
    first, second
        Positions of both partners in pc.

    Notes
    -----
    In turbulence with the anisotropy of Goldreich and Sridhar field lines separate as path^(3/2)
    within the inertial range. Source: Lazarian & Vishniac, ApJ 517 (1999) 700.
    """
    squares = jnp.sum((first - second) ** 2, axis=-1).T
    return PairSeparation(path, group_means(squares, num_groups))


def growth_paths(
    path: Float[Array, " time"],
    first: Float[Array, "time pair xyz=3"],
    second: Float[Array, "time pair xyz=3"],
    scales: Float[Array, " scale"],
    *,
    num_groups: int = 16,
) -> Estimate:
    """Return the mean path in pc that pairs need to grow from each scale to the next.

    Unlike the mean square at a fixed path, it compares pairs of the same size, whatever their
    history: separation as path^p makes it grow as scale^(1/p).

    Parameters
    ----------
    path, first, second
        As for ``pair_separation``, at steps well below the paths in question.
    scales
        Rising separations in pc, in equal ratios.

    Returns
    -------
    One for each scale but the last. Pairs that never reach the last scale are left out.

    Notes
    -----
    Source: Boffetta & Sokolov, Phys. Fluids 14 (2002) 3224 (exit times of pairs).
    """
    apart = jnp.linalg.norm(first - second, axis=-1).T
    beyond = apart[:, :, None] >= jnp.asarray(scales, apart.dtype)[None, None]
    passed = jnp.where(jnp.any(beyond, axis=1), path[jnp.argmax(beyond, axis=1)], jnp.nan)
    return jackknife(lambda x: x, group_means(jnp.diff(passed, axis=1), num_groups))


def _weighted_mean(weight: Array, values: Array) -> Scalar:
    return jnp.sum(weight * values) / jnp.sum(weight)
