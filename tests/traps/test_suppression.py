import jax.numpy as jnp
import numpy as np

from jaxcr.traps import mirror_suppression, trap_from_ratio


def test_the_limits_of_weak_and_strong_mirrors():
    strong = mirror_suppression(trap_from_ratio(1e6, 0.0), 2.0, 0.25)
    # nu length/v = .5: (3/4)(1/4)/R
    np.testing.assert_allclose(strong.ratio, 0.75 * 0.25 / 1e6, rtol=1e-6)
    np.testing.assert_allclose(strong.capture, 0.5)
    weak = mirror_suppression(trap_from_ratio(1 + 1e-12, 0.0), 1.0, 1.0)
    np.testing.assert_allclose(weak.ratio, 1.5, rtol=1e-5)


def test_the_weaker_mirror_decides():
    one = mirror_suppression(trap_from_ratio(3.0, 0.4), 1.0, 1.0)
    mu = np.sqrt(1 - np.exp(0.2) / 3)
    np.testing.assert_allclose(one.ratio, 1.5 * (1 - mu), rtol=1e-13)
    mirrored = mirror_suppression(trap_from_ratio(3.0, -0.4), 1.0, 1.0)
    np.testing.assert_allclose(mirrored.ratio, one.ratio, rtol=1e-13)


def test_speed_and_time_units_cancel():
    trap = trap_from_ratio(3.0, 0.1)
    per_path = mirror_suppression(trap, 5.0, 0.2)
    per_year = mirror_suppression(trap, 5.0, 0.2 * 0.3066, speed=0.3066)
    np.testing.assert_allclose(jnp.stack(per_path), jnp.stack(per_year), rtol=1e-13)
