"""The interface of a pusher: one step of one particle."""

import abc
from typing import Any

import equinox as eqx

from jaxcr.arrays import Scalar, Vector
from jaxcr.orbits.lorentz import Lorentz


class Pusher(eqx.Module):
    """A scheme that moves one particle along its orbit.

    The engine owns lanes, stops and status; a pusher owns only the step. Its ``state`` is any
    pytree of arrays that travels with the particle.
    """

    @abc.abstractmethod
    def prepare(self, motion: Lorentz) -> "Pusher":
        """Return the pusher with everything chosen that depends on the field, once per run."""

    @abc.abstractmethod
    def init(self, motion: Lorentz, position: Vector, direction: Vector) -> Any:
        """Return the state of a particle that starts here."""

    @abc.abstractmethod
    def step_length(self, state: Any) -> Scalar:
        """Return the length (pc) of the step that ``step`` tries next."""

    @abc.abstractmethod
    def step(
        self, motion: Lorentz, position: Vector, direction: Vector, state: Any
    ) -> tuple[Vector, Vector, Scalar, Any]:
        """Try one step: new position, direction, path travelled (0 if rejected), state."""

    @abc.abstractmethod
    def advance(
        self, motion: Lorentz, position: Vector, direction: Vector, length: Scalar
    ) -> tuple[Vector, Vector]:
        """Make one step of exactly ``length`` (pc), differentiable in everything."""
