"""The chain of magnetic traps of Medvedev & Medvedev 2015: its assumptions and its results."""

from jaxcr.experiments.asymmetric_diffusion.continuum_limit import CONTINUUM_LIMIT
from jaxcr.experiments.asymmetric_diffusion.escape_asymmetry import ESCAPE_ASYMMETRY
from jaxcr.experiments.asymmetric_diffusion.four_regimes import FOUR_REGIMES
from jaxcr.experiments.asymmetric_diffusion.helio_galaxy import HELIO_GALAXY
from jaxcr.experiments.asymmetric_diffusion.mirrors_of_a_cube import MIRRORS_OF_A_CUBE

ASYMMETRIC_DIFFUSION = (
    ESCAPE_ASYMMETRY, FOUR_REGIMES, HELIO_GALAXY, CONTINUUM_LIMIT, MIRRORS_OF_A_CUBE,
)  # fmt: skip

__all__ = ["ASYMMETRIC_DIFFUSION"]
