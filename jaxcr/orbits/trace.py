"""One orbit through diffrax: adaptive, dense on request, differentiable in both modes."""

from collections.abc import Callable

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix as optx
from jax import lax
from jaxtyping import Array, Int

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import argument_error, as_float, check_finite, check_range
from jaxcr.fields import Field, outside_samples
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.diffrax_pusher import forward_differentiable, smallest_step
from jaxcr.orbits.exits import LEFT_BOX, NOT_FINITE, REACHED, STARTED_OUTSIDE, STEP_LIMIT, TOO_LONG
from jaxcr.orbits.guiding_center import runge_kutta
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.stops import PathLength, Stop
from jaxcr.vectors import dot

_POLISHING_STEPS = 3
_LOOKS_BACK = 4
_LOOK_BACK = 1.6  # rad of gyration: about the longest step that any tolerance allows


class Orbit(eqx.Module):
    """One orbit: its exit, and all of it when it was asked for.

    Attributes
    ----------
    position, direction, path_length
        At the stop: pc, unit vector ``(3,)``, pc. With an electric field the length of
        ``direction`` is the momentum over that at the start.
    status
        A key of ``STATUS_TEXT``; 0 where the stop was reached.
    num_steps
        Steps tried.
    interpolation
        Function of the path (pc) that returns position and direction, or ``None``.
    """

    position: Vector
    direction: Vector
    path_length: Scalar
    status: Int[Array, ""]
    num_steps: Int[Array, ""]
    interpolation: Callable[[ScalarLike], tuple[Vector, Vector]] | None


def trace(
    field: Field,
    position: Vector,
    direction: Vector,
    *,
    rigidity: ScalarLike,
    stop: Stop,
    electric: Field | None = None,
    rest_rigidity: ScalarLike | None = None,
    solver: diffrax.AbstractAdaptiveSolver | None = None,
    rtol: ScalarLike = 1e-7,
    atol: ScalarLike = 1e-9,
    max_steps: int = 16_384,
    dense: bool = False,
    adjoint: diffrax.AbstractAdjoint | None = None,
) -> Orbit:
    """Trace one particle to its stop with an adaptive diffrax solver.

    Parameters
    ----------
    position, direction
        Start in pc, and unit vector, ``(3,)``.
    rigidity
        In PV with the sign of the charge.
    stop
        A stop of one surface.
    electric, rest_rigidity
        As for ``trace_ensemble``.
    solver, rtol, atol, max_steps, adjoint
        As for ``diffrax.diffeqsolve``; default ``diffrax.Tsit5()``. Reverse mode works as it is;
        forward mode, also of a gradient, needs ``adjoint=diffrax.ForwardMode()``.
    dense
        Keep the whole orbit.

    Raises
    ------
    ValueError
        For a stop of several surfaces, and for a field or a stop that is none. For forward mode
        (``jax.jvp``, ``jax.jacfwd``, ``jax.hessian``) with an adjoint that has none.

    Notes
    -----
    The exit is moved along the orbit onto the sphere, to round-off; its derivative is that of
    the implicit function theorem. ``vmap`` works, but waits for the longest orbit: use
    ``trace_ensemble`` for many.
    """
    if stop.shape:
        raise argument_error(
            "trace: stop",
            expected="one radius or length",
            got=f"{stop.shape[0]}",
            remedy="Use trace_ensemble, which records several in one pass.",
        )
    check_finite("trace: position", position)
    check_range("trace: max_steps", max_steps, 1.0)
    for name, value in (("rtol", rtol), ("atol", atol)):
        check_range(f"trace: {name}", value, 0.0)
    position = position.astype(direction.dtype)
    rest = None if rest_rigidity is None else as_float(rest_rigidity).astype(direction.dtype)
    motion = Lorentz(field, as_float(rigidity), electric, rest)
    solver = diffrax.Tsit5() if solver is None else solver
    adjoint = diffrax.RecursiveCheckpointAdjoint() if adjoint is None else adjoint
    if isinstance(adjoint, diffrax.ForwardMode):
        solver = forward_differentiable(solver)
    tolerances = [as_float(x).astype(direction.dtype) for x in (rtol, atol)]
    try:
        return _trace(
            motion, position, direction, stop, solver, tolerances, max_steps, dense, adjoint
        )
    except TypeError as error:
        if "custom_vjp" not in str(error):
            raise
        raise argument_error(
            "trace: adjoint",
            expected="one with forward mode, for jax.jvp, jax.jacfwd and jax.hessian",
            got=type(adjoint).__name__,
            remedy="Give adjoint=diffrax.ForwardMode(), or use trace_ensemble, which has both.",
        ) from error


class _Dense(eqx.Module):
    """All of an orbit, from the solution for its offsets from the start."""

    solution: diffrax.Solution
    start: Vector

    def __call__(self, path: ScalarLike) -> tuple[Vector, Vector]:
        offset, direction = self.solution.evaluate(path)
        return self.start + offset, direction


@eqx.filter_jit
def _trace(motion, start, direction, stop, solver, tolerances, max_steps, dense, adjoint):
    zero, offset = jnp.zeros((), start.dtype), jnp.zeros_like(start)
    fixed = isinstance(stop, PathLength)
    outside = stop.levels(offset, start, zero)[0] >= 0
    clamped = outside_samples(motion.field, start) is not None
    end = (stop.length if fixed else stop.default_max_path()).astype(start.dtype)
    gyroradius = lax.stop_gradient(motion.smallest_gyroradius()).astype(start.dtype)
    # Counted from the start, so that short steps are not lost far from 0.
    here = motion.about(start)

    def left(t, y, args, **kwargs):
        return outside_samples(motion.field, start + y[0])

    def level(t, y, args, **kwargs):
        return _highest_level(here, stop, start, y, t).astype(jnp.result_type(float))

    def level_or_left(t, y, args, **kwargs):
        return jnp.where(left(t, y, args), 1, level(t, y, args))

    event = (left if clamped else None) if fixed else (level_or_left if clamped else level)
    # It rises through zero: said, not found out, for that fails where nothing was met.
    tolerance = max(1e-8, 64 * float(jnp.finfo(start.dtype).eps))
    root = optx.Bisection(tolerance, tolerance, flip=False)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(here),
        solver,
        zero,
        jnp.where(outside, zero, end),
        0.01 * gyroradius,
        (offset, direction),
        saveat=diffrax.SaveAt(t1=True, dense=dense),
        stepsize_controller=diffrax.PIDController(
            rtol=tolerances[0],
            atol=tolerances[1],
            dtmin=smallest_step(gyroradius),
            force_dtmin=False,
        ),
        event=None if event is None else diffrax.Event(event, None if fixed else root),
        max_steps=max_steps,
        adjoint=adjoint,
        throw=False,
    )
    state = (*(y[-1] for y in solution.ys), solution.ts[-1])
    finite = jnp.isfinite(sum(jnp.sum(x) for x in state))
    # Not its result: that of the root's search is another where no digit more can be found.
    happened = jnp.asarray(False) if event is None else solution.event_mask
    met = solution.result == diffrax.RESULTS.successful if fixed else happened
    status = jnp.where(met, REACHED, TOO_LONG)
    if clamped:
        # On the stop, or where the samples end: found as the root of one of both.
        below = -jnp.inf if fixed else level(state[2], state[:2], None)
        out = (happened & (below < -tolerance * (1 + end))) | left(zero, (offset, direction), None)
        status = jnp.where(out, LEFT_BOX, status)
    spent = solution.result == diffrax.RESULTS.max_steps_reached
    status = jnp.where(spent, STEP_LIMIT, status)
    broken = ~finite | (solution.result == diffrax.RESULTS.dt_min_reached)
    status = jnp.where(broken, NOT_FINITE, status)
    status = jnp.where(outside, STARTED_OUTSIDE, status).astype(jnp.int32)
    first = (offset, direction, zero)
    state = [jnp.where(finite, x, y) for x, y in zip(state, first, strict=True)]
    offset, direction, path = _polish(here, stop, start, state, status == REACHED)
    return Orbit(
        start + offset,
        direction,
        path,
        status=status,
        num_steps=jnp.asarray(solution.stats["num_steps"], jnp.int32),
        interpolation=_Dense(solution, start) if dense else None,
    )


def _highest_level(motion: Lorentz, stop: Stop, start: Vector, state, path: Scalar) -> Scalar:
    """Return the level, or where it falls the maximum behind it: an orbit may come back in a step.

    The maximum is looked for backwards along the orbit, only where it can have been positive.
    """
    motion = motion.at(path)  # as it stands: a step back is short

    def approach(x, n, s):
        velocity = motion.velocity(n)
        return jax.jvp(
            lambda x, s: stop.surfaces(x, start, s), (x, s), (velocity, jnp.ones_like(s))
        )

    def back(length):
        half = runge_kutta(lambda y: motion(path, y), state, -0.5 * length)
        return runge_kutta(lambda y: motion(path, y), half, -0.5 * length)

    def highest(index, level, slope, length):
        def look(_, found):
            best, length = found
            higher, there = (y[index] for y in approach(*back(length), path - length))
            turn = there - slope
            usable = turn > 0
            length = jnp.where(usable, -length * slope / jnp.where(usable, turn, 1), length)
            return jnp.maximum(best, higher), jnp.clip(length, 0, path)

        return lax.fori_loop(0, _LOOKS_BACK, look, (level, length))[0]

    _, change = jax.jvp(approach, (*state, path), (*motion(path, state), jnp.ones_like(path)))
    levels, slopes = approach(*state, path)
    falls = (slopes < 0) & (change[1] < 0)
    length = jnp.clip(jnp.where(falls, slopes / jnp.where(falls, change[1], 1), 0), 0, path)
    rotation = motion.rotation(state[0])
    near = length * jnp.sqrt(dot(rotation, rotation)) < _LOOK_BACK
    # Twice the rise of the parabola.
    may = falls & near & (levels < 0) & (levels - slopes * length >= 0)
    frozen = lax.stop_gradient((levels, slopes, length))
    heights = lax.cond(
        jnp.any(may),
        lambda x: lax.stop_gradient(jax.vmap(highest)(jnp.arange(len(x[0])), *x)),
        lambda x: x[0],
        frozen,
    )
    return jnp.max(jnp.where(may, heights, levels))


def _polish(motion: Lorentz, stop: Stop, start: Vector, state, reached):
    """Move along the orbit onto the stop by Newton's iteration, its short steps made by Boris."""
    boris = Boris(1.0)
    for _ in range(_POLISHING_STEPS):
        offset, direction, path = state
        level, slope = jax.jvp(
            lambda x, s: stop.levels(x, start, s)[0],
            (offset, path),
            (motion.velocity(direction), jnp.ones_like(path)),
        )
        usable = reached & (slope > 0)
        length = jnp.where(usable, -level / jnp.where(usable, slope, 1), 0)
        moved = (*boris.advance(motion.after(path), offset, direction, length), path + length)
        state = [jnp.where(usable, new, old) for new, old in zip(moved, state, strict=True)]
    return state
