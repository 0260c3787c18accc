"""What is known of a particle at its stop, and how its orbit ended."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

RUNNING, REACHED, TOO_LONG, NOT_FINITE, STARTED_OUTSIDE = -1, 0, 1, 2, 3

STATUS_TEXT = {
    REACHED: "reached the stop",
    TOO_LONG: "met no stop within the longest path or the largest number of steps",
    NOT_FINITE: "the field or the orbit became infinite or not a number",
    STARTED_OUTSIDE: "started beyond the stop",
}
"""The meaning of each ``Exits.status``."""


class Exits(eqx.Module):
    """States of particles at their stops.

    Attributes
    ----------
    position, direction
        In pc, and the unit vector of the momentum: ``(particle, 3)``, or
        ``(stop, particle, 3)`` when several radii or lengths were asked for.
    path_length
        In pc, ``(particle,)`` or ``(stop, particle)``.
    status
        0 where the last stop was reached, otherwise a key of ``STATUS_TEXT``; such rows hold
        the last finite state. ``(particle,)``.
    num_steps
        Steps tried, ``(particle,)``.
    """

    position: Float[Array, "*stop particle xyz=3"]
    direction: Float[Array, "*stop particle xyz=3"]
    path_length: Float[Array, "*stop particle"]
    status: Int[Array, " particle"]
    num_steps: Int[Array, " particle"]

    def failed_share(self) -> Float[Array, ""]:
        """Return the share of particles that did not reach the last stop."""
        return jnp.mean((self.status != REACHED).astype(self.path_length.dtype))
