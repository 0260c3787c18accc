"""What is known of a particle at its stop, and how its orbit ended."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxcr.checks import argument_error

TURNED, LOOKED, RUNNING, REACHED, TOO_LONG, NOT_FINITE = range(-3, 3)
STARTED_OUTSIDE, STEP_LIMIT, LEFT_BOX, STEP_LOST = range(3, 7)

STATUS_TEXT = {
    REACHED: "reached the stop",
    TOO_LONG: "trapped: met no stop within the longest path",
    NOT_FINITE: "the field or the orbit became infinite or not a number",
    STARTED_OUTSIDE: "started beyond the stop",
    STEP_LIMIT: "met no stop within the largest number of steps",
    LEFT_BOX: "left the samples of a clamped grid, beyond which no field is known",
    STEP_LOST: "a step was below the rounding of the place: give longer steps or float64",
}
"""The meaning of each ``Exits.status``."""

_MOST_LEFT = 0.01


class Exits(eqx.Module):
    """States of particles at their stops.

    Attributes
    ----------
    position, direction
        In pc, and the unit vector of the momentum: ``(particle, 3)``, or
        ``(stop, particle, 3)`` when several radii or lengths were asked for.
        With an electric field the length of ``direction`` is the momentum over that at the start.
    path_length
        In pc, ``(particle,)`` or ``(stop, particle)``; below the speed of light, time times c.
    met
        Whether that stop was met, ``(particle,)`` or ``(stop, particle)``; where it was not, the
        row holds the last finite state.
    status
        0 where every stop was met, otherwise a key of ``STATUS_TEXT``. ``(particle,)``.
    num_steps
        Steps tried, ``(particle,)``.
    """

    position: Float[Array, "*stop particle xyz=3"]
    direction: Float[Array, "*stop particle xyz=3"]
    path_length: Float[Array, "*stop particle"]
    met: Bool[Array, "*stop particle"]
    status: Int[Array, " particle"]
    num_steps: Int[Array, " particle"]

    def failed_share(self) -> Float[Array, ""]:
        """Return the share of particles that did not meet every stop."""
        return jnp.mean((self.status != REACHED).astype(self.path_length.dtype))

    def report(self) -> str:
        """Return how the orbits ended and what they cost, one line for each way to end."""
        status, steps = np.asarray(self.status), np.asarray(self.num_steps, np.int64)
        lines = [
            f"{np.sum(status == key):>10} of {status.size}: {text}"
            for key, text in STATUS_TEXT.items()
            if np.any(status == key)
        ]
        return "\n".join([*lines, f"{steps.sum():>10} steps, at most {steps.max()} in one orbit"])


def check_left_box(name: str, num_left: int, num: int) -> None:
    """Raise when so many orbits left the samples of a clamped grid that means are biased."""
    if num_left > _MOST_LEFT * num:
        raise argument_error(
            name,
            expected=f"at most {_MOST_LEFT:.0%} of the orbits out of the samples of a clamped grid",
            got=f"{num_left} of {num}",
            remedy="Start further inside, give shorter paths, or a Periodic or Mirrored boundary.",
        )
