"""Factors for covariances that were estimated from a finite number of simulated skies."""

from jaxcr.arrays import Scalar
from jaxcr.checks import argument_error, check_range, is_concrete


def hartlap(num_simulations: Scalar, num_ell: int) -> Scalar:
    """Return the factor on the inverse of a covariance estimated from so few skies.

    Source: Hartlap, Simon & Schneider, A&A 464 (2007) 399.
    """
    check_range("hartlap: num_ell", num_ell, 1)
    if is_concrete(num_simulations) and not float(num_simulations) > num_ell + 2:
        raise argument_error(
            "hartlap: num_simulations",
            expected=f"more than num_ell + 2 = {num_ell + 2}",
            got=num_simulations,
            remedy="The inverse of such a covariance means nothing: simulate more skies.",
        )
    return 1 - (num_ell + 1) / (num_simulations - 1)


def percival(num_simulations: float, num_ell: int, num_parameters: int) -> float:
    """Return the factor on the parameters' covariance for the same reason.

    Source: Percival et al., MNRAS 439 (2014) 2531, eq. 18, beyond the Hartlap factor.
    """
    n, p, m = num_simulations, num_ell, num_parameters
    if n == float("inf"):
        return 1.0
    a = 2 / ((n - p - 1) * (n - p - 4))
    b = (n - p - 2) / ((n - p - 1) * (n - p - 4))
    return (1 + b * (p - m)) / (1 + a + b * (m + 1))
