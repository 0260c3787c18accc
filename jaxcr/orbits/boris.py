"""The Boris pusher: drift, rotate, drift; the production scheme for ensembles."""

import jax.numpy as jnp

from jaxcr.arrays import Scalar, ScalarLike, Vector, argument_error, as_float, is_concrete
from jaxcr.orbits.lorentz import Lorentz, cross, dot
from jaxcr.orbits.pusher import Pusher


class Boris(Pusher):
    """Leapfrog with a rotation of the direction by the field at the midpoint of each step.

    Parameters
    ----------
    step
        Step in pc. Default: half a cell of the field, at most a tenth of the smallest gyroradius.
    step_cells
        Step in cells of the field's grid, instead of ``step``.

    Notes
    -----
    Second order, |n| = 1 to round-off, one field evaluation per step, time-reversible. The gyro
    phase lags by (h / r_L)²/12 of itself. Source: Boris (1970); Birdsall & Langdon, sec. 4-4.
    """

    step_size: Scalar | None
    step_cells: Scalar | None

    def __init__(self, step: ScalarLike | None = None, *, step_cells: ScalarLike | None = None):
        given = {"step": step, "step_cells": step_cells}
        given = {name: as_float(value) for name, value in given.items() if value is not None}
        for name, value in given.items():
            if is_concrete(value) and not float(value) > 0:
                raise argument_error(
                    f"Boris: {name}",
                    expected="a positive length",
                    got=f"{float(value):g}",
                    remedy="Back-tracking is a matter of the sign of the rigidity.",
                )
        if len(given) == 2:
            raise argument_error(
                "Boris: step, step_cells",
                expected="at most one of them",
                got="both",
                remedy="Give the step in pc or in cells.",
            )
        self.step_size = given.get("step")
        self.step_cells = given.get("step_cells")

    def prepare(self, motion: Lorentz) -> "Boris":
        """Return the pusher with its step in pc."""
        if self.step_size is not None:
            return self
        lattice = motion.field.lattice()
        if lattice is None:
            if self.step_cells is not None:
                raise argument_error(
                    "Boris: step_cells",
                    expected="a field with a grid",
                    got=type(motion.field).__name__,
                    remedy="Give the step in pc: Boris(step=...).",
                )
            return Boris(0.1 * motion.smallest_gyroradius())
        cell = jnp.min(lattice.spacing)
        if self.step_cells is not None:
            return Boris(self.step_cells.astype(cell.dtype) * cell)
        gyroradius = motion.smallest_gyroradius().astype(cell.dtype)
        return Boris(jnp.minimum(0.5 * cell, 0.1 * gyroradius))

    def init(self, motion: Lorentz, position: Vector, direction: Vector) -> Scalar:
        """Return the step, the only thing that travels with the particle."""
        return self.step_size.astype(position.dtype)

    def step_length(self, state: Scalar) -> Scalar:
        """Return the step."""
        return state

    def step(self, motion: Lorentz, position: Vector, direction: Vector, state: Scalar):
        """Make one full step; a fixed step is never rejected."""
        position, direction = self.advance(motion, position, direction, state)
        return position, direction, state, state

    def advance(self, motion: Lorentz, position: Vector, direction: Vector, length: Scalar):
        """Drift half, rotate by the midpoint field, drift half."""
        middle = position + 0.5 * length * direction
        half = 0.5 * length * motion.rotation(middle)
        turned = direction + cross(direction, half)
        direction = direction + cross(turned, 2 / (1 + dot(half, half)) * half)
        return middle + 0.5 * length * direction, direction
