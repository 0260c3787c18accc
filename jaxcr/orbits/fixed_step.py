"""What schemes with equal steps share: how long the step is, and that none is rejected."""

import abc

import jax.numpy as jnp

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import argument_error, as_float, check_positive
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher


class FixedStepPusher(Pusher):
    """A scheme with equal steps; a leaf only says what one step does.

    Parameters
    ----------
    step
        Step in pc. Default: half a cell of the field, at most a tenth of the smallest gyroradius.
    step_cells
        Step in cells of the field's grid, instead of ``step``.
    """

    step_size: Scalar | None
    step_cells: Scalar | None

    @abc.abstractmethod
    def check(self, motion: Lorentz) -> None:
        """Raise ``ValueError`` for a motion that the scheme cannot follow."""

    def __init__(self, step: ScalarLike | None = None, *, step_cells: ScalarLike | None = None):
        name = type(self).__name__
        if step is not None and step_cells is not None:
            raise argument_error(
                f"{name}: step, step_cells",
                expected="at most one of them",
                got="both",
                remedy="Give the step in pc or in cells.",
            )
        remedy = "Back-tracking is a matter of the sign of the rigidity."
        for key, value in (("step", step), ("step_cells", step_cells)):
            check_positive(f"{name}: {key}", value, expected="a positive length", remedy=remedy)
        self.step_size = None if step is None else as_float(step)
        self.step_cells = None if step_cells is None else as_float(step_cells)

    def prepare(self, motion: Lorentz) -> "FixedStepPusher":
        """Return the pusher with its step in pc."""
        self.check(motion)
        if self.step_size is not None:
            return self
        name, lattice = type(self).__name__, motion.field.lattice()
        if lattice is None:
            if self.step_cells is not None:
                raise argument_error(
                    f"{name}: step_cells",
                    expected="a field with a grid",
                    got=type(motion.field).__name__,
                    remedy=f"Give the step in pc: {name}(step=...).",
                )
            return type(self)(0.1 * motion.smallest_gyroradius())
        cell = jnp.min(lattice.spacing)
        if self.step_cells is not None:
            return type(self)(self.step_cells.astype(cell.dtype) * cell)
        gyroradius = motion.smallest_gyroradius().astype(cell.dtype)
        return type(self)(jnp.minimum(0.5 * cell, 0.1 * gyroradius))

    def init(self, motion: Lorentz, position: Vector, direction: Vector) -> Scalar:
        """Return the step, the only thing that travels with the particle."""
        return self.step_size.astype(position.dtype)

    def step_length(self, state: Scalar) -> Scalar:
        """Return the step."""
        return state

    def shortened(self, state: Scalar, length: Scalar) -> Scalar:
        """Return the shorter step."""
        return length

    def step(self, motion: Lorentz, position: Vector, direction: Vector, state: Scalar):
        """Make one full step; a fixed step is never rejected."""
        position, direction = self.advance(motion, position, direction, state)
        return position, direction, state, state
