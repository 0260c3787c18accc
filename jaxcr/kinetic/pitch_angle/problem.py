"""The pitch-angle equation with streaming and adiabatic focusing, in time and at rest."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import (
    argument_error,
    as_float,
    check_positive,
    check_range,
    check_shape,
    is_concrete,
)
from jaxcr.kinetic.pitch_angle.operators import Diffusion, PitchAngleMethod, checked_diffusion
from jaxcr.kinetic.pitch_angle.region import Region, UniformRegion
from jaxcr.kinetic.pitch_angle.time_methods import Exponential, TimeMethod

_EXPONENTIAL = Exponential()


class PitchAngleProblem(eqx.Module):
    """Particles that stream, are focused and scatter along a magnetic field.

    df/dt + v mu df/dz + (v/2L)(1 - mu²) df/dmu = d_mu(D df/dmu) + S,   1/L = -dlnB/dz.

    Parameters
    ----------
    diffusion
        mu -> D_mumu in 1/pc, >= 0, for arrays; ``LegendreSeries(lmax)`` wants it smooth or a
        power of |mu| at 0. An ``equinox.Module`` keeps its numbers differentiable, and its new
        values compile nothing again.
    region
        ``FluxTube(edges, ...)``, or ``UniformRegion(...)`` without streaming (default).
    speed
        v in c, in (0, 1].

    Raises
    ------
    ValueError
        If ``speed`` is known and not in (0, 1].
    """

    diffusion: Diffusion
    region: Region
    speed: Scalar

    def __init__(
        self, diffusion: Diffusion, *, region: Region | None = None, speed: ScalarLike = 1.0
    ):
        self.diffusion = diffusion
        self.region = UniformRegion() if region is None else region
        self.speed = as_float(speed)
        check_range("PitchAngleProblem: speed", self.speed, 0, 1, ends="(]", remedy="It is in c.")


class PitchAngleEvolution(NamedTuple):
    """f, or N in a ``UniformRegion``, at given times.

    Attributes
    ----------
    time
        In pc (c = 1), ``(time,)``.
    values
        ``(time, cell, mu)`` in a tube, ``(time, mu)`` in a uniform region, at
        ``method.cosines()``.
    number
        Particles, int dz int dmu f/B or int N dmu, ``(time,)``.
    """

    time: Float[Array, " time"]
    values: Float[Array, "time ..."]
    number: Float[Array, " time"]


def solve_pitch_angle(
    problem: PitchAngleProblem,
    initial: Float[Array, "..."],
    *,
    times: Float[Array, " time"],
    method: PitchAngleMethod,
    source: Float[Array, "..."] | None = None,
    time_method: TimeMethod = _EXPONENTIAL,
) -> PitchAngleEvolution:
    """Follow the distribution from t = 0.

    Parameters
    ----------
    problem
        Equation and region.
    initial
        f at t = 0 at ``method.cosines()``: ``(cell, mu)`` in a tube, N ``(mu,)`` in a uniform
        region.
    times
        In pc, rising, the first >= 0, ``(time,)``.
    method
        ``LegendreSeries(lmax)`` or ``FiniteVolume(num_cells)``.
    source
        S in the unit of f per pc, constant in time, shape of ``initial``; none by default.
    time_method
        ``Exponential()`` (default) or ``ImplicitSteps(rtol)``.

    Raises
    ------
    ValueError
        If shapes differ, known times do not rise, or D is known and negative.

    Notes
    -----
    The matrix is dense: n unknowns, cells times cosines, take n² numbers and O(n³) operations,
    good up to about 2000. The number is constant to rounding in a closed region.
    """
    source = _checked("solve_pitch_angle", problem, method, initial, source)
    if is_concrete(times):
        steps = np.diff(times, prepend=-1e-300)
        check_positive("solve_pitch_angle: steps of times", steps, remedy="Begin at 0 or later.")
    matrix, constant = _system(problem, method)
    total = constant + source.reshape(-1)
    flat = time_method.states(matrix, total, initial.reshape(-1), times)
    values = flat.reshape(times.size, *initial.shape)
    return PitchAngleEvolution(times, values, _numbers(problem.region, method, values))


def steady_pitch_angle(
    problem: PitchAngleProblem,
    *,
    method: PitchAngleMethod,
    source: Float[Array, "..."] | None = None,
) -> Float[Array, "cell mu"]:
    """Return the steady f(z, mu) in a tube with an open end, ``(cell, mu)``.

    Parameters
    ----------
    problem
        With a ``FluxTube`` of which one end is a ``FreeEnd`` or an ``InflowEnd``.
    method
        ``LegendreSeries(lmax)`` or ``FiniteVolume(num_cells)``.
    source
        S in the unit of f per pc, ``(cell, mu)``; none by default.

    Raises
    ------
    ValueError
        If no end is open, or the shape of ``source`` is wrong.

    Notes
    -----
    One dense solve of n = cells times cosines unknowns: n³ operations, good up to about 2000.
    Far from the ends, and for a gradient instead of ends, see ``steady_anisotropy``.
    """
    if problem.region.is_closed():
        raise argument_error(
            "steady_pitch_angle: problem",
            expected="a FluxTube with a FreeEnd or an InflowEnd",
            got=f"a closed {type(problem.region).__name__}",
            remedy="A closed one keeps its particles: follow it with solve_pitch_angle.",
        )
    shape = problem.region.shape(method)
    source = _checked("steady_pitch_angle", problem, method, None, source)
    return _steady(problem, method, source.reshape(-1)).reshape(shape)


@eqx.filter_jit
def _system(problem, method):
    """Return the matrix and the constant of the rate of change."""
    shape = problem.region.shape(method)
    change = problem.region.motion(problem.diffusion, problem.speed, method)

    def flat(values):
        return change(values.reshape(shape)).reshape(-1)

    nothing = jnp.zeros(np.prod(shape), method.weights().dtype)
    constant, linear = jax.linearize(flat, nothing)
    return jax.vmap(linear, out_axes=1)(jnp.eye(nothing.size, dtype=nothing.dtype)), constant


@eqx.filter_jit
def _numbers(region, method, values):
    """Return the number of particles in each state."""
    return jax.vmap(lambda state: region.number(state, method))(values)


@eqx.filter_jit
def _steady(problem, method, source):
    """Return the state whose rate of change vanishes."""
    matrix, constant = _system(problem, method)
    operator = lineax.MatrixLinearOperator(matrix)
    return lineax.linear_solve(operator, -(constant + source), lineax.LU()).value


def _checked(function, problem, method, initial, source):
    """Return the source, zero if none, after comparing shapes and looking at D."""
    shape = problem.region.shape(method)
    checked_diffusion("PitchAngleProblem: diffusion", problem.diffusion, method.cosines())
    for name, values in (("initial", initial), ("source", source)):
        check_shape(f"{function}: {name}", values, shape, remedy="Cells by cosines, at centres.")
    return jnp.zeros(shape, method.weights().dtype) if source is None else source
