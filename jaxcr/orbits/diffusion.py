"""Transport coefficients measured from tracks: diffusion tensor, mean free path, D_mumu."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcr.arrays import Scalar, Vector
from jaxcr.checks import argument_error, check_range, is_concrete
from jaxcr.orbits.tracks import Tracks
from jaxcr.statistics import Estimate, group_means, jackknife
from jaxcr.vectors import unit_vector


class Plateau(eqx.Module):
    """What a running coefficient is over the last half of its path, and whether it is flat there.

    Attributes
    ----------
    coefficient
        Mean over the last half, pc.
    change
        Mean over the last quarter less that over the quarter before, pc.
    """

    coefficient: Estimate
    change: Estimate

    @property
    def flat(self) -> Bool[Array, ""]:
        """Whether there is a plateau: else the orbits are still ballistic, or trapped."""
        return is_flat(self.coefficient, self.change)

    @property
    def text(self) -> str:
        """Empty for a plateau."""
        return "" if bool(self.flat) else NO_PLATEAU


NO_PLATEAU = "still rising: not a diffusion coefficient"


def is_flat(coefficient: Estimate, change: Estimate) -> Bool[Array, "..."]:
    """Return whether a change is within three standard errors or a tenth of the coefficient."""
    moved = jnp.abs(change.value)
    return ~((moved > 3 * change.error) & (moved > 0.1 * jnp.abs(coefficient.value)))


class RunningTensor(eqx.Module):
    """A tensor as a function of path, from each group of orbits.

    Attributes
    ----------
    path
        In pc, ``(time,)``.
    groups
        In pc, ``(group, time, 3, 3)``: times the speed of the particles a diffusion coefficient.
    """

    path: Float[Array, " time"]
    groups: Float[Array, "group time xyz=3 axis=3"]

    def tensor(self) -> Estimate:
        """Return all components, ``(time, 3, 3)``."""
        return jackknife(lambda x: x, self.groups)

    def isotropic(self) -> Estimate:
        """Return a third of the trace, ``(time,)``."""
        return jackknife(lambda x: jnp.trace(x, axis1=-2, axis2=-1) / 3, self.groups)

    def along(self, axis: Vector) -> Estimate:
        """Return the component along ``axis``, ``(time,)``."""
        b = unit_vector("along: axis", axis).astype(self.groups.dtype)
        return jackknife(lambda x: jnp.einsum("i,tij,j->t", b, x, b), self.groups)

    def plateau(self, axis: Vector) -> Plateau:
        """Return the component along ``axis`` over the last half of the path.

        Raises
        ------
        ArgumentError
            When it is below 0 by more than three standard errors, as no diffusion is, or when
            there are fewer than eight samples.
        """
        b = unit_vector("plateau: axis", axis).astype(self.groups.dtype)
        num = self.path.shape[0]
        check_range("plateau: samples", num, 8.0, remedy="Record more samples along the path.")
        half, quarter = num - num // 2, num // 4

        def late(x):
            return jnp.mean(jnp.einsum("i,tij,j->t", b, x, b)[half:])

        def change(x):
            along = jnp.einsum("i,tij,j->t", b, x, b)
            return jnp.mean(along[-quarter:]) - jnp.mean(along[-2 * quarter : -quarter])

        found = Plateau(jackknife(late, self.groups), jackknife(change, self.groups))
        value = found.coefficient.value + 3 * found.coefficient.error
        remedy = "Is this the direction of the mean field, and the path longer than a gyration?"
        if is_concrete(value) and not bool(jnp.isnan(value)):
            check_range("plateau: kappa along the axis", value, 0.0, remedy=remedy)
        return found

    def across(self, axis: Vector) -> Estimate:
        """Return the mean of the two components across ``axis``, ``(time,)``."""
        b = unit_vector("across: axis", axis).astype(self.groups.dtype)

        def estimator(x):
            along = jnp.einsum("i,tij,j->t", b, x, b)
            return (jnp.trace(x, axis1=-2, axis2=-1) - along) / 2

        return jackknife(estimator, self.groups)

    def drift(self, axis: Vector) -> Estimate:
        """Return the antisymmetric coefficient about ``axis``, eps_ijk b_k D_ij / 2, ``(time,)``.

        Of ``by_velocity`` only: displacements have no antisymmetric part. For a positive charge
        in a field along ``axis`` it is positive: r_L/3 without scattering.
        """
        b = unit_vector("drift: axis", axis).astype(self.groups.dtype)

        def estimator(x):
            turn = [x[:, 1, 2] - x[:, 2, 1], x[:, 2, 0] - x[:, 0, 2], x[:, 0, 1] - x[:, 1, 0]]
            return jnp.stack(turn, axis=-1) @ b / 2

        return jackknife(estimator, self.groups)


class RunningDiffusion(eqx.Module):
    """The diffusion tensor as a function of path in three ways.

    Attributes
    ----------
    by_mean_square
        <x_i x_j> / 2s: low by 1/(nu s) as long as orbits remember their start.
    by_derivative
        d<x_i x_j> / 2ds: converges as fast as the correlation of directions decays.
    by_velocity
        The integral of <n_i(s) n_j(0)> (Taylor, Green and Kubo), with its antisymmetric part.
    """

    by_mean_square: RunningTensor
    by_derivative: RunningTensor
    by_velocity: RunningTensor


def running_diffusion(tracks: Tracks, *, num_groups: int = 16) -> RunningDiffusion:
    """Return running diffusion tensors with jackknife errors.

    Parameters
    ----------
    tracks
        Isotropic start directions, spread over a field or over realisations (``join_tracks``).
    num_groups
        Consecutive groups of particles that errors are taken from: particles of one realisation
        are not independent.

    Raises
    ------
    ValueError
        When the number of groups does not divide the number of particles.

    Notes
    -----
    Source: Kubo, J. Phys. Soc. Japan 12 (1957) 570; Shalchi (2009), sec. 1.3.
    """
    tracks.check_complete("running_diffusion: tracks")
    moved = jnp.moveaxis(tracks.displacement, 1, 0)
    n = jnp.moveaxis(tracks.direction, 1, 0)
    squares = group_means(moved[..., :, None] * moved[..., None, :], num_groups)
    correlation = group_means(n[:, :, :, None] * n[:, :1, None, :], num_groups)
    path = tracks.path
    interval = path[1] - path[0]
    by_mean_square = squares[:, 1:] / (2 * path[None, 1:, None, None])
    by_derivative = jnp.gradient(squares, axis=1) / (2 * interval)
    return RunningDiffusion(
        RunningTensor(path[1:], by_mean_square),
        RunningTensor(path, by_derivative),
        RunningTensor(path, _integral(correlation, interval)),
    )


def parallel_mean_free_path(tracks: Tracks, *, axis: Vector, num_groups: int = 16) -> Plateau:
    """Return the mean free path along a mean field, lambda = 3 kappa_par / v, in pc.

    With kappa_par / v = d<x_par²>/2ds over the last half of the tracks: look at ``flat`` before
    it is used.

    Parameters
    ----------
    tracks, num_groups
        As for ``running_diffusion``.
    axis
        Direction of the mean field.

    Raises
    ------
    ArgumentError
        When the coefficient is negative, or more than 1 % of the orbits left a clamped grid.

    Notes
    -----
    Source: Shalchi (2009), eq. 1.27. Not the paths of ``mean_free_path``, which are those of
    turning and of the correlation of directions.
    """
    running = running_diffusion(tracks, num_groups=num_groups).by_derivative
    return jax.tree.map(lambda x: 3 * x, running.plateau(axis))


class MeanFreePath(eqx.Module):
    """Two definitions of the mean free path, which differ.

    Attributes
    ----------
    turning
        Mean path, pc, after which a direction is first at 90° to that at the start.
    turning_distance
        Mean distance from the start, pc, where that happens.
    turned_share
        Share of orbits that turned within their track; the others are not in ``turning``.
    correlation
        Integral of <n(0) · n(s)> up to each sample, pc, ``(time,)``: where it is flat, three
        times the isotropic diffusion coefficient over the speed.
    path
        In pc, ``(time,)``.
    """

    turning: Estimate
    turning_distance: Estimate
    turned_share: Scalar
    correlation: Estimate
    path: Float[Array, " time"]


def mean_free_path(tracks: Tracks, *, num_groups: int = 16) -> MeanFreePath:
    """Return the mean free path by turning through 90° and by the correlation of directions.

    Parameters
    ----------
    tracks, num_groups
        As for ``running_diffusion``.

    Notes
    -----
    Exponential decay of the correlation at a rate 1/lambda gives ``correlation`` lambda; the two
    numbers agree in order of magnitude only, and along a mean field the correlation need not
    cross zero. Path between samples is interpolated.
    """
    tracks.check_complete("mean_free_path: tracks")
    cosine = jnp.sum(tracks.direction[:1] * tracks.direction, axis=-1)
    turned = cosine <= 0
    whole = jnp.isfinite(cosine[-1])
    share = jnp.any(turned, axis=0) & whole
    at = jnp.maximum(jnp.argmax(turned, axis=0), 1)
    rows = jnp.arange(tracks.num_particles)
    before, after = cosine[at - 1, rows], cosine[at, rows]
    part = before / jnp.where(before - after > 0, before - after, 1)
    interval = tracks.path[1] - tracks.path[0]
    path = tracks.path[at - 1] + part * interval
    moved = tracks.displacement
    away = moved[at - 1, rows] + part[:, None] * (moved[at, rows] - moved[at - 1, rows])
    distance = jnp.linalg.norm(away, axis=-1)
    nan = jnp.full_like(path, jnp.nan)
    correlation = group_means(cosine.T, num_groups)
    same = lambda x: x  # noqa: E731
    return MeanFreePath(
        jackknife(same, group_means(jnp.where(share, path, nan), num_groups)),
        jackknife(same, group_means(jnp.where(share, distance, nan), num_groups)),
        jnp.sum(share, dtype=path.dtype) / jnp.sum(whole, dtype=path.dtype),
        jackknife(same, _integral(correlation, interval)),
        tracks.path,
    )


class PitchAngleDiffusion(eqx.Module):
    """D_mumu measured from orbits.

    Attributes
    ----------
    cosine
        Mean pitch-angle cosine in each bin, ``(bin,)``.
    coefficient
        D_mumu in 1/pc, ``(bin,)``: times the speed a rate.
    """

    cosine: Float[Array, " bin"]
    coefficient: Estimate


def measure_pitch_angle_diffusion(
    tracks: Tracks,
    *,
    axis: Vector,
    lags: tuple[float, float],
    edges: Float[Array, " edge"],
    num_groups: int = 16,
) -> PitchAngleDiffusion:
    """Return the diffusion coefficient of the pitch-angle cosine about a fixed axis.

    D = (<dmu²>(lag 2) - <dmu²>(lag 1)) / (2 (lag 2 - lag 1)), from all start samples of all orbits,
    sorted by the cosine at the start.

    Parameters
    ----------
    tracks
        With samples closer than the shorter lag.
    axis
        Direction of the mean field.
    lags
        Two path lengths in pc: longer than a gyration and the correlation of the force, shorter
        than the path in which mu changes by a bin.
    edges
        Edges of the bins in mu, rising.

    Raises
    ------
    ValueError
        When the lags do not rise, or do not fit into the tracks.

    Notes
    -----
    The difference of two lags takes out what oscillates with the gyration.
    """
    tracks.check_complete("measure_pitch_angle_diffusion: tracks")
    interval = tracks.path[1] - tracks.path[0]
    first, second = (round(lag / float(interval)) for lag in lags)
    if not 0 < first < second < len(tracks.path):
        raise argument_error(
            "measure_pitch_angle_diffusion: lags",
            expected=f"two rising lengths within {float(interval):g} to "
            f"{float(tracks.path[-1]):g} pc",
            got=str(lags),
            remedy="Record longer tracks, or closer samples.",
        )
    b = unit_vector("measure_pitch_angle_diffusion: axis", axis)
    mu = (tracks.direction @ b.astype(tracks.direction.dtype)).T
    num_starts = mu.shape[1] - second
    start = mu[:, :num_starts]
    whole = jnp.isfinite(mu[:, -1:])
    squares = [(mu[:, lag : lag + num_starts] - start) ** 2 for lag in (first, second)]
    start, *squares = (jnp.where(whole, x, 0) for x in (start, *squares))
    edges = jnp.asarray(edges, mu.dtype)
    inside = (start[..., None] >= edges[None, None, :-1]) & (
        start[..., None] < edges[None, None, 1:]
    )
    weight = (inside & whole[..., None]).astype(mu.dtype)
    means = [
        group_means(jnp.einsum("pt,ptb->pb", x, weight), num_groups)
        for x in (jnp.ones_like(start), start, *squares)
    ]
    scale = 2 * (second - first) * interval

    def coefficient(x):
        count, _, short, long = x
        return (long - short) / jnp.where(count > 0, count, jnp.nan) / scale

    total = [jnp.mean(x, axis=0) for x in means]
    return PitchAngleDiffusion(total[1] / total[0], jackknife(coefficient, tuple(means)))


def _integral(values: Float[Array, "group time ..."], interval: Scalar) -> Array:
    """Return the running integral over the second axis by the trapezoidal rule."""
    pieces = 0.5 * interval * (values[:, 1:] + values[:, :-1])
    total = jnp.cumsum(pieces, axis=1)
    return jnp.concatenate([jnp.zeros_like(total[:, :1]), total], axis=1)
