"""Any explicit diffrax solver with step-size control, as a pusher inside the engine."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher


class DiffraxPusher(Pusher):
    """Adaptive steps of a diffrax solver, for every particle at its own pace.

    Parameters
    ----------
    solver
        An explicit diffrax solver with an error estimate, e.g. ``diffrax.Tsit5()``.
    rtol, atol
        A step is kept when its error is below ``rtol + atol``: of the direction, which is
        dimensionless, and of the position in units of the smallest gyroradius.

    Notes
    -----
    Order of the solver where the field is smooth; on a trilinear field the jumps of its
    derivative at cell faces limit every high-order scheme. The norm of the direction drifts
    within the tolerance. Control: diffrax's ``PIDController`` with its default coefficients;
    it does not depend on where the origin is. Steps into a field that is not a number are
    shortened until they are negligible; then the orbit ends.
    """

    solver: diffrax.AbstractAdaptiveSolver
    rtol: Scalar
    atol: Scalar
    gyroradius: Scalar | None

    def __init__(
        self,
        solver: diffrax.AbstractAdaptiveSolver | None = None,
        *,
        rtol: ScalarLike = 1e-4,
        atol: ScalarLike = 1e-6,
    ):
        solver = diffrax.Tsit5() if solver is None else solver
        # A plain loop over the stages: diffrax's default is not forward-mode differentiable.
        self.solver = forward_differentiable(solver)
        self.rtol = as_float(rtol)
        self.atol = as_float(atol)
        self.gyroradius = None

    def prepare(self, motion: Lorentz) -> "DiffraxPusher":
        """Return the pusher with its unit of length, the smallest gyroradius."""
        unit = lax.stop_gradient(motion.smallest_gyroradius())
        return eqx.tree_at(lambda x: x.gyroradius, self, unit, is_leaf=lambda x: x is None)

    def init(self, motion: Lorentz, position: Vector, direction: Vector) -> Any:
        """Return the length of the first step, and the solver's and the controller's state."""
        terms, state = diffrax.ODETerm(motion), (position, direction)
        controller = self._controller(position)
        zero = jnp.zeros((), position.dtype)
        first = 0.01 * self.gyroradius.astype(position.dtype)
        end, control = controller.init(
            terms,
            zero,
            _far(position),
            state,
            first,
            None,
            self.solver.func,
            self.solver.error_order(terms),
        )
        if _has_stages(self.solver):
            solver_state = motion(zero, state) if self.solver.tableau.fsal else None
        else:
            solver_state = self.solver.init(terms, zero, end, state, None)
        return end, solver_state, control

    def step_length(self, state: Any) -> Scalar:
        """Return the length of the step that is tried next."""
        return state[0]

    def shortened(self, state: Any, length: Scalar) -> Any:
        """Return the state with a shorter step."""
        return (length, *state[1:])

    def step(self, motion: Lorentz, position: Vector, direction: Vector, state: Any):
        """Try one step; the controller keeps or rejects it and chooses the next length."""
        length, solver_state, control = state
        terms, y0 = diffrax.ODETerm(motion), (position, direction)
        zero = jnp.zeros((), position.dtype)
        if _has_stages(self.solver):
            y1, error, new_solver_state = _stages(
                self.solver.tableau, motion, y0, length, solver_state
            )
        else:
            y1, error, _, new_solver_state, _ = self.solver.step(
                terms, zero, length, y0, None, solver_state, False
            )
        # Errors are compared with states of size 1, which makes them relative to the unit.
        error = jnp.concatenate([error[0] / self.gyroradius.astype(position.dtype), error[1]])
        finite = jnp.isfinite(jnp.sum(error))
        error = jnp.where(finite, error, jnp.inf)
        one = jnp.ones_like(error)
        keep, start, end, _, control, _ = self._controller(position).adapt_step_size(
            zero, length, one, one, None, error, self.solver.error_order(terms), control
        )
        broken = ~finite & (length < smallest_step(self.gyroradius.astype(position.dtype)))
        solver_state = jax.tree.map(
            lambda new, old: jnp.where(keep, new, old) if eqx.is_array(new) else new,
            new_solver_state,
            solver_state,
        )
        position, direction = (jnp.where(keep, new, old) for new, old in zip(y1, y0, strict=True))
        position = jnp.where(broken, jnp.nan, position)
        return position, direction, jnp.where(keep, length, 0), (end - start, solver_state, control)

    def advance(self, motion: Lorentz, position: Vector, direction: Vector, length: Scalar):
        """Make one uncontrolled step of the solver, in the loop that compiles faster."""
        terms, y0 = diffrax.ODETerm(motion), (position, direction)
        zero = jnp.zeros((), position.dtype)
        solver_state = self.solver.init(terms, zero, length, y0, None)
        return self.solver.step(terms, zero, length, y0, None, solver_state, False)[0]

    def _controller(self, position: Vector) -> diffrax.PIDController:
        dtype = position.dtype
        return diffrax.PIDController(rtol=self.rtol.astype(dtype), atol=self.atol.astype(dtype))


def smallest_step(gyroradius: Scalar) -> Scalar:
    """Return the step (pc) below which an orbit is given up: its field is not a number."""
    return jnp.sqrt(jnp.finfo(gyroradius.dtype).eps) * gyroradius


def forward_differentiable(solver: diffrax.AbstractAdaptiveSolver):
    """Return the solver with a plain loop over its stages: the default has no forward mode."""
    if getattr(solver, "scan_kind", "lax") is not None:
        return solver
    return eqx.tree_at(lambda s: s.scan_kind, solver, "bounded", is_leaf=lambda x: x is None)


def _has_stages(solver: diffrax.AbstractAdaptiveSolver) -> bool:
    """Return whether a step of the solver is known from a table of explicit coefficients."""
    return (
        isinstance(solver, diffrax.AbstractERK)
        and isinstance(solver.tableau, diffrax.ButcherTableau)
        and type(solver).step is diffrax.AbstractERK.step
    )


def _stages(tableau: diffrax.ButcherTableau, motion: Lorentz, y0: Any, length: Scalar, slope: Any):
    """Return the state after one explicit step, its error, and its slope there if that is known.

    Stage after stage with a solver's coefficients. diffrax goes round a loop over them, with a
    full matrix of coefficients and particles on the wrong axis, which costs twice the time.
    """
    zero = jnp.zeros_like(length)

    def summed(weights):
        """Return the weighted sum of the slopes so far, times the step."""

        def one(*slopes):
            parts = [float(w) * k for w, k in zip(weights, slopes, strict=True) if w != 0]
            return length * sum(parts[1:], parts[0])

        return jax.tree.map(one, *slopes)

    slopes = [motion(zero, y0) if slope is None else slope]
    for weights, share in zip(tableau.a_lower, tableau.c, strict=True):
        # Behind barriers: else every stage would work out again those before it.
        y1 = lax.optimization_barrier(jax.tree.map(jnp.add, y0, summed(weights)))
        slopes.append(lax.optimization_barrier(motion(float(share) * length, y1)))
    if not tableau.ssal:
        y1 = jax.tree.map(jnp.add, y0, summed(tableau.b_sol))
    return y1, summed(tableau.b_error), slopes[-1] if tableau.fsal else None


def _far(position: Vector) -> Scalar:
    """Return an end of the integration beyond any stop."""
    return jnp.asarray(1e30, position.dtype)
