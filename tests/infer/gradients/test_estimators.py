"""Estimators of derivatives on means that are known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.infer.gradients.per_field import line_over_ell
from jaxcr.infer.gradients.step_choice import common_candidate, step_candidates

ELL = jnp.arange(8.0)
FIELDS = range(12)


@jax.jit
def chaotic(values, number, *, ripple=0.01, scatter=0.1):
    """Return exp(-2 v0 - l/4 v1), each sky with its own factor and a ripple too steep to follow."""
    key, other = jax.random.split(jax.random.key(number))
    factor = 1 + scatter * jax.random.normal(key, (8, 1))
    phase = 2 * jnp.pi * jax.random.uniform(other, (8, ELL.size))
    mean = jnp.exp(-2 * values[0] - ELL / 4 * values[1])[None]
    noise = jnp.sin(1e4 * values[0] + 3e4 * values[1] + phase)
    return mean * (factor + ripple * noise)


def truth(values):
    """Return the derivatives of the mean."""
    mean = np.exp(-2 * values[0] - np.asarray(ELL) / 4 * values[1])
    return np.stack([-2 * mean, -np.asarray(ELL) / 4 * mean])


VALUES = jnp.array([0.5, 0.3])
TRUTH = truth(VALUES)


def pull(estimate):
    """Return the distance from the truth in errors, multipoles with a derivative only."""
    gap = estimate.value - TRUTH
    return np.where(TRUTH == 0, 0, gap / estimate.total_error)


def test_path_slopes_drown_and_differences_do_not():
    pathwise = infer.Pathwise()(chaotic, VALUES, FIELDS)
    difference = infer.CentralDifference()(chaotic, VALUES, FIELDS)
    # ripple of slope 100 to 300 against a scatter of 0.2 and 0.01/0.15: hundreds of times
    assert np.median(pathwise.error / difference.error) > 100
    # 16 numbers from 12 fields: 4.5 errors hold all of them in 0.99 of cases (Student, 11)
    assert np.max(np.abs(pull(difference))) < 4.5
    assert pathwise.cost == pytest.approx(2.8)
    assert difference.cost == 8


def test_logarithm_and_richardson_take_the_bias_of_a_wide_step_away():
    quiet = lambda values, number: chaotic(values, number, ripple=0.0, scatter=0.0)  # noqa: E731
    wide = infer.CentralDifference(step=0.4, richardson=False)(quiet, VALUES, FIELDS)
    rich = infer.CentralDifference(step=0.4)(quiet, VALUES, FIELDS)
    auto = infer.CentralDifference(largest=0.4)(quiet, VALUES, FIELDS)
    relative = [e.value[0] / TRUTH[0] - 1 for e in (wide, rich, auto)]
    # sinh(0.8)/0.8 - 1; the same less (4 D(h) - D(2h))/3 with 0.4 and 0.8; exponentials are exact
    np.testing.assert_allclose(relative[0], np.sinh(0.8) / 0.8 - 1, rtol=1e-9)
    expected = (4 * np.sinh(0.4) / 0.4 - np.sinh(0.8) / 0.8) / 3 - 1
    np.testing.assert_allclose(relative[1], expected, rtol=1e-9)
    np.testing.assert_allclose(relative[2], 0, atol=1e-9)
    assert "C dlnC" in auto.reason


def test_lines_over_multipoles_lower_independent_noise():
    spectra = lambda values, number: chaotic(values, number, ripple=0.3, scatter=0.0)  # noqa: E731
    single = infer.CentralDifference(step=0.2)(spectra, VALUES, FIELDS)
    lines = infer.CentralDifference(step=0.2, neighbours=3)(spectra, VALUES, FIELDS)
    # seven points, five at the edges: half the error on average; between 1/sqrt(7) and 1
    assert np.median(lines.error[0, 2:] / single.error[0, 2:]) < 0.8
    np.testing.assert_allclose(lines.value[:, 1], single.value[:, 1], rtol=1e-12)
    assert np.max(np.abs(pull(lines))) < 4.5  # as above


def test_smoothed_gradient_separates_parameters():
    smoothed = infer.Smoothed(width=0.1, num_pairs=6)(chaotic, VALUES, FIELDS)
    assert smoothed.cost == 12
    # its own bias: exp smoothed over 0.1 grows by (2 * 0.1)²/2 = 2 %
    biased = TRUTH * np.exp((2 * 0.1) ** 2 / 2)
    assert np.max(np.abs((smoothed.value - biased) / smoothed.error)[:, 1:]) < 4.5
    swapped = (smoothed.value[0] - smoothed.value[1]) / smoothed.error[0]
    assert np.max(np.abs(swapped)) > 20


def test_control_variate_takes_out_what_the_surrogate_knows():
    surrogate = lambda values, number: chaotic(values, number, ripple=0.0) ** 2  # noqa: E731
    control = infer.ControlVariate(surrogate, extra=tuple(range(100, 160)), surrogate_cost=0.1)
    estimate = control(chaotic, VALUES, FIELDS)
    plain = infer.CentralDifference()(chaotic, VALUES, FIELDS)
    # the factor is common to both; what is left is the mean of 60 fields, sqrt(12/60), and ripple
    assert np.median(estimate.error[0] / plain.error[0]) < 0.75
    assert np.max(np.abs(pull(estimate))) < 4.5
    assert estimate.cost == pytest.approx(8 * (1 + 0.1 * 60 / 12))
    assert "correlation 1.00" in estimate.reason or "correlation 0.9" in estimate.reason


def test_combination_follows_the_better_estimator_and_shares_its_skies():
    calls = []

    def counted(values, number):
        calls.append(number)
        return chaotic(values, number)

    both = infer.Combined((infer.Pathwise(), infer.CentralDifference()))
    combined = both(counted, VALUES, FIELDS)
    difference = infer.CentralDifference()(chaotic, VALUES, FIELDS)
    assert len(calls) == len(FIELDS) * (2 + 8)
    assert combined.cost == pytest.approx(10.8)
    # the path-wise estimate is hundreds of times worse: its weight is below 1e-4
    np.testing.assert_allclose(combined.value, difference.value, rtol=1e-2)
    assert combined.reason.startswith("same-phase difference 100 %")


def test_combination_of_two_independent_estimates_has_half_the_variance(rng):
    # two estimators with unit errors and mean 3, from 8 fields
    draws = []
    for _ in range(60):
        rows = 3 + rng.standard_normal((2, 8, 1, 12))
        estimates = [
            infer.JacobianEstimate(x, np.zeros((1, 12)), (("x", 1.0),), f"{i}", "")
            for i, x in enumerate(rows)
        ]
        draws.append(infer.combined_estimate(estimates))
    values = np.array([d.value for d in draws])[:, 0, 1:]
    # four standard errors of the mean of 660 values of sd 1/4
    assert abs(values.mean() - 3) < 4 * 0.25 / np.sqrt(660)
    # 1/sqrt(16) at best; weights from seven fields and five multipoles cost at most 10 %, one
    # estimator alone 41 %; the standard error of the scatter is 3 %
    assert 0.25 * 0.91 < values.std() < 0.25 * 1.15
    errors = np.array([d.error for d in draws])[:, 0, 1:]
    assert abs(errors.mean() / values.std() - 1) < 0.1


def test_clip_and_median_bound_what_one_sky_can_do(rng):
    slopes = rng.standard_normal((6, 8, 1, 5))
    slopes[0, 0] = 1e6
    plain, clipped, median = (
        infer.pathwise_estimate(slopes),
        infer.pathwise_estimate(slopes, clip=0.9),
        infer.pathwise_estimate(slopes, groups=4),
    )
    assert np.all(plain.value > 1e4)
    # 48 skies of unit scatter: four standard errors
    assert np.all(np.abs(clipped.value) < 4 / np.sqrt(48))
    assert np.all(np.abs(median.value) < 4 * 1.25 / np.sqrt(48))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: infer.Pathwise(clip=1.5), r"clip: expected a number in \(0, 1\], got 1.5"),
        (
            lambda: infer.Pathwise(groups=3)(chaotic, VALUES, FIELDS),
            "groups: expected one of 1, 2, 4, 8, got 3",
        ),
        (lambda: infer.CentralDifference(step=-0.1), "step: expected a positive number, got -0.1"),
        (lambda: infer.Smoothed(num_pairs=0), "num_pairs: expected a number >= 1"),
        (lambda: infer.Combined(()), "number of estimators: expected a number >= 1"),
        (
            lambda: infer.CentralDifference()(chaotic, VALUES, [0]),
            "num_fields: expected a number >= 2, got 1",
        ),
        (
            lambda: infer.ControlVariate(chaotic, extra=(3,))(chaotic, VALUES, FIELDS),
            "extra: expected other fields",
        ),
        (
            lambda: infer.Smoothed(num_pairs=1)(chaotic, VALUES, [0, 1]),
            "pairs in all fields but one: expected a number >= 2, got 1",
        ),
    ],
)
def test_bad_input(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_lines_hold_power_laws_and_lines_of_slopes_exactly():
    ell = np.arange(12)
    # ln C a parabola of ln l, d ln C a straight line in l: what the fit is made of
    spectrum = np.exp(-1.5 * np.log(np.maximum(ell, 1)) - 0.2 * np.log(np.maximum(ell, 1)) ** 2)
    values = (spectrum * (0.3 - 0.1 * ell))[None]
    smooth = line_over_ell(values, spectrum[None], 4)
    # rounding of the local fits
    np.testing.assert_allclose(smooth, values, rtol=1e-10, atol=1e-14)
    bent = (spectrum * ell**2)[None]
    moved = line_over_ell(bent, spectrum[None], 4)[0, 2:] / bent[0, 2:] - 1
    assert np.max(np.abs(moved)) > 0.1  # a parabola of slopes is not held


@pytest.mark.parametrize(("curvature", "label"), [(0.5, "step 0.1"), (8.0, "Richardson")])
def test_one_form_for_all_multipoles_is_as_wide_as_its_bias_allows(rng, curvature, label):
    # D(h) = 1 + b h²: steps 0.1 and 0.2 are off by 0.005 and 0.02, or by 0.08 and 0.32; their
    # errors are 0.01 sqrt(2/16)/(2h) = 0.018 and 0.009
    steps = np.array([[0.1], [0.2]])
    half = ((1 + curvature * steps[:, 0] ** 2) * steps[:, 0])[None, :, None, None]
    noise = 0.01 * rng.standard_normal((16, 2, 2, 1, 24))
    means = 10 + np.stack([-half, half], axis=2) + noise
    candidates = step_candidates(means, steps, logarithmic=False)
    _, _, reason = common_candidate(candidates)
    assert reason.startswith(label)
