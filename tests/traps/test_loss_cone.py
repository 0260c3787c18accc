import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import Trap, escape_probabilities, loss_cone_fractions, trap_from_ratio

EXACT = 1e-14  # a handful of roundings


def count_escapes(minimum, left, right, num=2_000_001):
    """Follow every direction of a fine, even grid in mu through its first bounces."""
    cosine = (np.arange(num) + 0.5) / num * 2 - 1
    sine_squared = 1 - cosine**2
    passes_left, passes_right = sine_squared < minimum / left, sine_squared < minimum / right
    forward = cosine > 0
    goes_right = passes_right & (forward | ~passes_left)
    goes_left = passes_left & (~forward | ~passes_right)
    return goes_left.mean(), goes_right.mean(), 1 - (goes_left | goes_right).mean()


def test_worked_number():
    escape = escape_probabilities(Trap(minimum=1.0, left_mirror=4.0, right_mirror=3.0))
    mu1, mu2 = np.sqrt(3 / 4), np.sqrt(2 / 3)
    # 1e-12: the brackets of 1 - mu lose one digit in this test, not in the code
    np.testing.assert_allclose(escape.left, (1 - mu1) / 2, rtol=1e-12)
    np.testing.assert_allclose(escape.right, (1 + mu1 - 2 * mu2) / 2, rtol=1e-12)
    np.testing.assert_allclose(escape.trapped, mu2, rtol=1e-12)
    # the same, as printed to seven digits
    np.testing.assert_allclose(escape, (0.0669873, 0.1165161, 0.8164966), atol=5e-8)
    np.testing.assert_allclose(escape.right / escape.left, 1.7393763, atol=5e-8)


@pytest.mark.parametrize("mirrors", [(4.0, 3.0), (3.0, 4.0), (1.1, 50.0), (2.0, 2.0)])
def test_directions_counted_one_by_one(mirrors):
    escape = escape_probabilities(Trap(1.0, *mirrors))
    # at most four edges, each off by less than one of 2e6 cells
    np.testing.assert_allclose(escape, count_escapes(1.0, *mirrors), atol=2e-6)


@pytest.mark.parametrize("gradient", [-1.0, -0.1, 0.0, 0.1, 1.0])
def test_probabilities_add_to_one(gradient):
    assert abs(sum(escape_probabilities(trap_from_ratio(3.0, gradient))) - 1) < EXACT


def test_mirror_image_exchanges_the_sides():
    one, other = (escape_probabilities(Trap(1.0, *m)) for m in [(4.0, 3.0), (3.0, 4.0)])
    np.testing.assert_allclose(one, (other.right, other.left, other.trapped), rtol=EXACT)


def test_equal_mirrors_let_out_the_two_loss_cones():
    trap = Trap(1.0, 3.0, 3.0)
    np.testing.assert_allclose(escape_probabilities(trap)[:2], loss_cone_fractions(trap))


@pytest.mark.parametrize("ratio", [1.5, 3.0, 1e3])
def test_small_gradient(ratio):
    epsilon = 1e-6
    escape = escape_probabilities(Trap(1.0, ratio * (1 + epsilon), ratio * (1 - epsilon)))
    mu = np.sqrt(1 - 1 / ratio)
    expected = 2 * epsilon / (ratio * mu * (1 - mu))
    # the next term of the expansion is of relative order epsilon times a number below 10
    np.testing.assert_allclose(escape.right / escape.left - 1, expected, rtol=1e-5)


def test_strong_mirrors():
    escape = escape_probabilities(Trap(1.0, 1.25e9, 1e9))
    # a -> 2b - 1 = 1.5 up to 1/R = 1e-9; 1 - mu in place of (B0/B)/(1 + mu) would miss by 1e-7
    np.testing.assert_allclose(escape.right / escape.left, 1.5, rtol=2e-9)
    np.testing.assert_allclose(escape.left, 1 / 1.25e9 / 4, rtol=1e-9)


def test_gradient_against_finite_differences():
    def right(left_mirror):
        return escape_probabilities(Trap(1.0, left_mirror, 3.0)).right

    step = 1e-5
    difference = (right(4.0 + step) - right(4.0 - step)) / (2 * step)
    # 1e-8: step² of truncation plus eps / step = 2e-11 of rounding over a slope of 0.02
    np.testing.assert_allclose(jax.grad(right)(4.0), difference, rtol=1e-8)


def test_derivative_at_the_kink_is_the_mean_of_both_sides():
    def right(left_mirror):
        return escape_probabilities(Trap(1.0, left_mirror, 3.0)).right

    sides = (jax.grad(right)(3.0 - 1e-9) + jax.grad(right)(3.0 + 1e-9)) / 2
    # 1e-8: the slopes themselves change by 1e-9 over the distance
    np.testing.assert_allclose(jax.grad(right)(3.0), sides, rtol=1e-8)


def test_a_trap_without_mirror_is_rejected():
    open_trap = eqx.tree_at(lambda t: t.right_mirror, Trap(1.0, 4.0, 3.0), jnp.asarray(1.0))
    with pytest.raises(ValueError, match=r"escape_probabilities: .*expected 0 < minimum"):
        escape_probabilities(open_trap)


def test_float32_stays_float32():
    trap = Trap(*(jnp.float32(b) for b in (1.0, 4e4, 3e4)))
    escape = escape_probabilities(trap)
    assert {p.dtype for p in escape} == {jnp.dtype("float32")}
    wide = escape_probabilities(Trap(1.0, 4e4, 3e4))
    # 1e-6: ten float32 roundings, and no cancellation even at 1 - mu = 1e-5
    np.testing.assert_allclose(escape, wide, rtol=1e-6)
