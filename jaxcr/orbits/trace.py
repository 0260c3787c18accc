"""One orbit through diffrax: adaptive, dense on request, differentiable in both modes."""

from collections.abc import Callable

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Int

from jaxcr.arrays import Scalar, ScalarLike, Vector, argument_error, as_float
from jaxcr.fields import Field
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.diffrax_pusher import DiffraxPusher
from jaxcr.orbits.exits import REACHED, TOO_LONG
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.stops import PathLength, Stop

_POLISHING_STEPS = 3


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


def trace(
    field: Field,
    position: Vector,
    direction: Vector,
    *,
    rigidity: ScalarLike,
    stop: Stop,
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
        A ``Sphere`` or ``PathLength`` of one surface.
    solver, rtol, atol, max_steps, adjoint
        As for ``diffrax.diffeqsolve``; default ``diffrax.Tsit5()``. Reverse mode works as it is;
        forward mode needs ``adjoint=diffrax.ForwardMode()``.
    dense
        Keep the whole orbit.

    Raises
    ------
    ValueError
        For a stop of several surfaces.

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
    position, direction = as_float(position), as_float(direction)
    motion = Lorentz(field, as_float(rigidity))
    pusher = DiffraxPusher(solver, rtol=rtol, atol=atol)
    solution = _solve(motion, position, direction, stop, pusher, max_steps, dense, adjoint)
    path, reached = _end(solution, stop)
    end = jax.tree.map(lambda y: y[-1], solution.ys)
    state = _polish(motion, stop, position, (*end, path), reached)
    return Orbit(
        *state,
        status=jnp.where(reached, REACHED, TOO_LONG).astype(jnp.int32),
        num_steps=jnp.asarray(solution.stats["num_steps"], jnp.int32),
        interpolation=solution.evaluate if dense else None,
    )


def _solve(motion, position, direction, stop, pusher, max_steps, dense, adjoint):
    """Return diffrax's solution, ended by its event or its length."""
    dtype = position.dtype
    fixed = isinstance(stop, PathLength)
    end = stop.length if fixed else stop.default_max_path()

    def level(t, y, args, **kwargs):
        return stop.levels(y[0], position, t)[0]

    event = None if fixed else diffrax.Event(level, optx.Bisection(rtol=1e-8, atol=1e-8))
    forward = isinstance(adjoint, diffrax.ForwardMode)
    solver = pusher.solver
    if not forward and hasattr(solver, "scan_kind"):
        solver = eqx.tree_at(lambda s: s.scan_kind, solver, None)
    return diffrax.diffeqsolve(
        diffrax.ODETerm(motion),
        solver,
        jnp.zeros((), dtype),
        end.astype(dtype),
        None,
        (position, direction),
        saveat=diffrax.SaveAt(t1=True, dense=dense),
        stepsize_controller=diffrax.PIDController(
            rtol=pusher.rtol.astype(dtype), atol=pusher.atol.astype(dtype)
        ),
        event=event,
        max_steps=max_steps,
        adjoint=diffrax.RecursiveCheckpointAdjoint() if adjoint is None else adjoint,
        throw=False,
    )


def _end(solution, stop: Stop):
    """Return the path at the end, and whether that is the stop."""
    wanted = (
        diffrax.RESULTS.successful
        if isinstance(stop, PathLength)
        else diffrax.RESULTS.event_occurred
    )
    return solution.ts[-1], solution.result == wanted


def _polish(motion: Lorentz, stop: Stop, start: Vector, state, reached):
    """Move along the orbit onto the stop by Newton's iteration, its short steps made by Boris."""
    boris = Boris(1.0)
    for _ in range(_POLISHING_STEPS):
        position, direction, path = state
        level, slope = jax.jvp(
            lambda x, s: stop.levels(x, start, s)[0],
            (position, path),
            (direction, jnp.ones_like(path)),
        )
        usable = reached & (slope > 0)
        length = jnp.where(usable, -level / jnp.where(usable, slope, 1), 0)
        position, direction = boris.advance(motion, position, direction, length)
        state = (position, direction, path + length)
    return state
