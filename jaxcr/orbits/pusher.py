"""The interface of a pusher: one step of one particle."""

import abc
from typing import Any

import equinox as eqx

from jaxcr.arrays import Scalar, Vector
from jaxcr.checks import check_range
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
    def shortened(self, state: Any, length: Scalar) -> Any:
        """Return the state with which ``step`` tries a step of at most ``length`` (pc)."""

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


MOST_STEPS = 10_000_000
"""Steps of one orbit beyond which no call starts unless it is asked for more."""


def check_steps(name: str, num_steps: Any, most: int = MOST_STEPS) -> None:
    """Raise when one orbit would take less than one step, or more than anybody waits for."""
    check_range(
        name,
        num_steps,
        0.0,
        float(most),
        expected=f"at most {most:.2g} steps for one orbit",
        remedy="Give longer steps or a shorter path; lengths are in pc.",
    )
