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
from jaxcr.checks import argument_error, as_float, checked
from jaxcr.fields import Field
from jaxcr.fields.field import check_field
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.diffrax_pusher import forward_differentiable, smallest_step
from jaxcr.orbits.exits import NOT_FINITE, REACHED, STARTED_OUTSIDE, TOO_LONG
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.stops import PathLength, Stop, check_stop

_POLISHING_STEPS = 3


@checked
class Orbit(eqx.Module):
    """One orbit: its exit, and all of it when it was asked for.

    Attributes
    ----------
    position, direction, path_length
        At the stop: pc, unit vector ``(3,)``, pc.
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


@checked
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
        forward mode needs ``adjoint=diffrax.ForwardMode()``.
    dense
        Keep the whole orbit.

    Raises
    ------
    ValueError
        For a stop of several surfaces, and for a field or a stop that is none.

    Notes
    -----
    The exit is moved along the orbit onto the sphere, to round-off; its derivative is that of
    the implicit function theorem. ``vmap`` works, but waits for the longest orbit: use
    ``trace_ensemble`` for many.
    """
    check_field("trace: field", field)
    check_stop("trace: stop", stop)
    if stop.shape:
        raise argument_error(
            "trace: stop",
            expected="one radius or length",
            got=f"{stop.shape[0]}",
            remedy="Use trace_ensemble, which records several in one pass.",
        )
    direction = as_float(direction)
    position = as_float(position).astype(direction.dtype)
    rest = None if rest_rigidity is None else as_float(rest_rigidity).astype(direction.dtype)
    motion = Lorentz(field, as_float(rigidity), electric, rest)
    solver = diffrax.Tsit5() if solver is None else solver
    adjoint = diffrax.RecursiveCheckpointAdjoint() if adjoint is None else adjoint
    if isinstance(adjoint, diffrax.ForwardMode):
        solver = forward_differentiable(solver)
    tolerances = [as_float(x).astype(direction.dtype) for x in (rtol, atol)]
    return _trace(motion, position, direction, stop, solver, tolerances, max_steps, dense, adjoint)


@eqx.filter_jit
def _trace(motion, position, direction, stop, solver, tolerances, max_steps, dense, adjoint):
    zero = jnp.zeros((), position.dtype)
    fixed = isinstance(stop, PathLength)
    outside = stop.levels(position, position, zero)[0] >= 0
    end = (stop.length if fixed else stop.default_max_path()).astype(position.dtype)
    gyroradius = lax.stop_gradient(motion.smallest_gyroradius()).astype(position.dtype)

    def level(t, y, args, **kwargs):
        return stop.levels(y[0], position, t)[0]

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(motion),
        solver,
        zero,
        jnp.where(outside, zero, end),
        0.01 * gyroradius,
        (position, direction),
        saveat=diffrax.SaveAt(t1=True, dense=dense),
        stepsize_controller=diffrax.PIDController(
            rtol=tolerances[0],
            atol=tolerances[1],
            dtmin=smallest_step(gyroradius),
            force_dtmin=False,
        ),
        event=None if fixed else diffrax.Event(level, optx.Bisection(rtol=1e-8, atol=1e-8)),
        max_steps=max_steps,
        adjoint=adjoint,
        throw=False,
    )
    state, status = _end(solution, fixed, outside, (position, direction, zero))
    return Orbit(
        *_polish(motion, stop, position, state, status == REACHED),
        status=status,
        num_steps=jnp.asarray(solution.stats["num_steps"], jnp.int32),
        interpolation=solution.evaluate if dense else None,
    )


def _end(solution: diffrax.Solution, fixed: bool, outside, start):
    """Return position, direction and path at the end, and the status."""
    results = diffrax.RESULTS
    wanted = results.successful if fixed else results.event_occurred
    state = (*(y[-1] for y in solution.ys), solution.ts[-1])
    finite = jnp.isfinite(sum(jnp.sum(x) for x in state))
    broken = ~finite | (solution.result == results.dt_min_reached)
    status = jnp.where(solution.result == wanted, REACHED, TOO_LONG)
    status = jnp.where(broken, NOT_FINITE, status)
    status = jnp.where(outside, STARTED_OUTSIDE, status).astype(jnp.int32)
    return [jnp.where(finite, x, first) for x, first in zip(state, start, strict=True)], status


def _polish(motion: Lorentz, stop: Stop, start: Vector, state, reached):
    """Move along the orbit onto the stop by Newton's iteration, its short steps made by Boris."""
    boris = Boris(1.0)
    for _ in range(_POLISHING_STEPS):
        position, direction, path = state
        level, slope = jax.jvp(
            lambda x, s: stop.levels(x, start, s)[0],
            (position, path),
            (motion.velocity(direction), jnp.ones_like(path)),
        )
        usable = reached & (slope > 0)
        length = jnp.where(usable, -level / jnp.where(usable, slope, 1), 0)
        moved = (*boris.advance(motion, position, direction, length), path + length)
        state = [jnp.where(usable, new, old) for new, old in zip(moved, state, strict=True)]
    return state
