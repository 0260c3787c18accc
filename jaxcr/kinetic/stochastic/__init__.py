"""Parker's transport equation as pseudo-particles: random walks forward and back in time."""

from jaxcr.kinetic.stochastic.density import (
    PseudoParticleDensity,
    pseudo_particle_density,
    residence_density,
)
from jaxcr.kinetic.stochastic.forward import PseudoParticles, pseudo_particles

__all__ = [
    "PseudoParticleDensity",
    "PseudoParticles",
    "pseudo_particle_density",
    "pseudo_particles",
    "residence_density",
]
