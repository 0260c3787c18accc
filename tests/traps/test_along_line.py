import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import MirrorChainField
from jaxcr.traps import AbsorbingEnd, escape_time, trap_chain, trap_from_ratio, traps_along

PATH = jnp.linspace(0.5, 12.5, 12_001)


def profile():
    trap = trap_from_ratio(3.0, 0.2)
    field = MirrorChainField(minimum=1.0, left_mirror=trap.left_mirror,
                             right_mirror=trap.right_mirror, length=2.0, num_bottles=6)  # fmt: skip
    return jnp.exp(jax.vmap(lambda x: field.log_strength(x)[0])(PATH))


def ratio_and_gradient(traps):
    return jax.vmap(lambda trap: (trap.mirror_ratio, trap.gradient))(traps)


def test_bottles_give_back_their_ratio_and_gradient():
    traps, edges = traps_along(profile(), PATH)
    # 2e-5: (ln R) pi²/4 times the squared step of 1e-3, over an eighth, of mirror and minimum
    ratio, gradient = ratio_and_gradient(traps)
    np.testing.assert_allclose(ratio, np.full(5, 3.0), rtol=2e-5)
    np.testing.assert_allclose(gradient, np.full(5, 0.2), atol=2e-5)
    np.testing.assert_allclose(edges, np.arange(2.0, 13, 2), atol=1e-3)
    ends = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
    found = escape_time(trap_chain(traps, scattering_rate=1.0, **ends))
    exact = escape_time(trap_chain(trap_from_ratio(3.0, 0.2), 5, scattering_rate=1.0, **ends))
    np.testing.assert_allclose(found, exact, rtol=1e-4)


def test_shallow_wiggles_belong_to_the_trap_that_they_are_in():
    wiggles = jnp.exp(0.02 * jnp.cos(40 * PATH))
    plain, edges = traps_along(profile(), PATH)
    traps, moved = traps_along(profile() * wiggles, PATH)
    assert traps.minimum.shape == (5,)
    ratio, expected = ratio_and_gradient(traps)[0], ratio_and_gradient(plain)[0]
    np.testing.assert_allclose(ratio, expected, rtol=0.05)
    np.testing.assert_allclose(moved, edges, atol=0.08)  # half a wiggle
    many, _ = traps_along(profile() * wiggles, PATH, smallest_ratio=1.01)
    assert many.minimum.size > 10
    # every trap is as deep as was asked for, on both sides
    weaker = jnp.minimum(many.left_mirror, many.right_mirror)
    assert np.all(weaker >= 1.01 * many.minimum)


@pytest.mark.parametrize(
    ("strength", "path", "message"),
    [
        (jnp.exp(PATH), PATH, "strength: expected two mirrors, .* by 1.1 on both sides, got 0"),
        (jnp.ones(12_001), PATH, "got 0"),
        (profile()[:1800], PATH[:1800], "got 1"),
        (-profile(), PATH, "strength: expected a positive number"),
        (profile(), PATH[::-1], "path: expected places that rise"),
        (profile(), PATH[1:], r"path: expected real numbers of shape \(place\)"),
    ],
)
def test_lines_without_traps_are_rejected(strength, path, message):
    with pytest.raises(ValueError, match=f"traps_along: .*{message}"):
        traps_along(strength, path)
