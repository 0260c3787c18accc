"""Ends of a flux tube: what comes in there, as a function of what goes out."""

import abc
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Values = Float[Array, " mu"]


class TubeEnd(eqx.Module):
    """What enters a flux tube through one of its ends.

    ``closed`` says whether no particle is lost or gained there.
    """

    closed: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def incoming(self, outgoing: Values, opposite: Values, cosines: Values) -> Values:
        """Return f on the end face for the directions that come in.

        Parameters
        ----------
        outgoing, opposite
            f on this face and on that of the other end, for the directions that leave there.
        cosines
            Pitch-angle cosines, rising and symmetric, ``(mu,)``.
        """

    @abc.abstractmethod
    def beyond(
        self,
        own: Values,
        inner: Values,
        opposite: Values,
        entering: Bool[Array, " mu"],
        cosines: Values,
    ) -> Values:
        """Return f in a cell set beyond the end, from which the slope in the last cell is taken.

        Parameters
        ----------
        own, inner, opposite
            f in the cell at this end, in the next one, and in the cell at the other end.
        entering
            Which of ``cosines`` come in here.
        """


class PeriodicEnd(TubeEnd):
    """The tube begins again; both ends must be of this kind."""

    closed: ClassVar[bool] = True

    def incoming(self, outgoing: Values, opposite: Values, cosines: Values) -> Values:
        """Return what leaves at the other end."""
        return opposite

    def beyond(
        self,
        own: Values,
        inner: Values,
        opposite: Values,
        entering: Bool[Array, " mu"],
        cosines: Values,
    ) -> Values:
        """Return the cell at the other end."""
        return opposite


class ReflectingEnd(TubeEnd):
    """A plane of symmetry, mu -> -mu, as the throat of a strong mirror or the disc's mid-plane."""

    closed: ClassVar[bool] = True

    def incoming(self, outgoing: Values, opposite: Values, cosines: Values) -> Values:
        """Return what leaves here, turned round."""
        return outgoing[::-1]

    def beyond(
        self,
        own: Values,
        inner: Values,
        opposite: Values,
        entering: Bool[Array, " mu"],
        cosines: Values,
    ) -> Values:
        """Return the mirror image of the last cell."""
        return own[::-1]


class InflowEnd(TubeEnd):
    """A given distribution comes in, and whatever reaches the end leaves.

    Parameters
    ----------
    distribution
        mu -> f for arrays, phase-space density in the unit of the solution; it is read where
        particles come in. An ``equinox.Module`` keeps its numbers differentiable.
    """

    distribution: Callable[[Array], Array]

    closed: ClassVar[bool] = False

    def incoming(self, outgoing: Values, opposite: Values, cosines: Values) -> Values:
        """Return the given distribution."""
        return self.distribution(cosines)

    def beyond(
        self,
        own: Values,
        inner: Values,
        opposite: Values,
        entering: Bool[Array, " mu"],
        cosines: Values,
    ) -> Values:
        """Return f on the straight line through the given face, or through the last two cells."""
        return _continued(self.distribution(cosines), own, inner, entering)


class FreeEnd(TubeEnd):
    """Free escape: nothing comes in."""

    closed: ClassVar[bool] = False

    def incoming(self, outgoing: Values, opposite: Values, cosines: Values) -> Values:
        """Return nothing."""
        return jnp.zeros_like(outgoing)

    def beyond(
        self,
        own: Values,
        inner: Values,
        opposite: Values,
        entering: Bool[Array, " mu"],
        cosines: Values,
    ) -> Values:
        """Return f on the straight line through zero at the face, or through the last cells."""
        return _continued(jnp.zeros_like(own), own, inner, entering)


def _continued(face, own, inner, entering):
    """Return the linear continuation of f by one cell."""
    return jnp.where(entering, 2 * face - own, 2 * own - inner)
