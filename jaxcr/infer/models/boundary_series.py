"""What every chain gives: the angular distribution inside one trap, from fit parameters."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from jaxcr.infer.parameters import ParameterSet


class BoundarySeries(eqx.Module):
    """A gyrotropic distribution f(mu) = sum_l f_l P_l(mu) as a function of fit parameters.

    Attributes
    ----------
    parameters
        What its vector of values means, in order, with default bounds and priors.
    lmax
        Highest order l.
    """

    parameters: eqx.AbstractVar[ParameterSet]
    lmax: eqx.AbstractVar[int]

    @abc.abstractmethod
    def coefficients(self, values: Float[Array, " parameter"]) -> Float[Array, " l"]:
        """Return f_l / f_0 for l = 0 ... lmax, with 1 for the monopole."""
