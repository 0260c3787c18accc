"""A model with a closed form: Gaussian skies of a power-law spectrum."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import digamma, polygamma

from jaxcr import infer


class PowerLawSkies(infer.SpectrumModel):
    """C_l = exp(a) l^-b on Gaussian skies, or with correlated multipoles."""

    correlation: float = 0.0

    @property
    def parameters(self):
        """The logarithm a of C_1 and the slope b."""
        return infer.ParameterSet(
            (
                infer.Parameter("a", 0.0, -3.0, 3.0, infer.Flat()),
                infer.Parameter("b", 2.0, 0.0, 4.0, infer.Normal(2.0, 1.0)),
            )
        )

    def mean_spectrum(self, values):
        """Return C_l, l = 0 ... 16."""
        ell = jnp.arange(17.0)
        power = jnp.exp(values[0]) * jnp.maximum(ell, 1.0) ** -values[1]
        return power.at[0].set(0)

    def predict(self, values, data):
        """Return Gamma moments with 2l+1 degrees of freedom a sky."""
        ell = jnp.asarray(data.ell)
        mean, noise = self.mean_spectrum(values)[ell], jnp.asarray(data.noise)
        half = data.num_skies * (2 * ell + 1).astype(float) / 2
        near = jnp.abs(ell[:, None] - ell[None]) == 1
        matrix = jnp.where(near, self.correlation, 0.0) + jnp.eye(ell.size)
        deviation = (mean + noise) / jnp.sqrt(half)
        of_log = jnp.sqrt(polygamma(1, half))
        return infer.Prediction(
            mean=mean,
            covariance=matrix * deviation[:, None] * deviation[None],
            noise=noise,
            log_mean=jnp.log(mean + noise) + digamma(half) - jnp.log(half),
            log_covariance=matrix * of_log[:, None] * of_log[None],
            num_simulations=jnp.asarray(jnp.inf),
        )

    def comparable(self, data):
        """Return the data."""
        return data

    def conventions(self):
        """Return what the parameters mean."""
        return "power law"


VALUES = jnp.array([0.3, 2.1])


def template(num_ell=8, noise=0.0, **options):
    """Return data of C_l = 1, l = 1 ... num_ell."""
    ell = np.arange(1, num_ell + 1)
    return infer.SpectrumData(
        ell, np.ones(num_ell), np.zeros(num_ell), np.full(num_ell, noise), **options
    )


@pytest.fixture(scope="session")
def toy():
    return SimpleNamespace(skies=PowerLawSkies, values=VALUES, template=template)
