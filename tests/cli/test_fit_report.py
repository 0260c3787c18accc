"""What a fit tells: shares of priors, bounds that were reached, verdicts on gradients."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.cli import report
from jaxcr.infer.fitting.warnings import fit_warnings, posterior_warnings

LEVEL = infer.Parameter("index", 1.6, 1.5, 1.75, infer.Normal(1.6, 0.05))
HELD = infer.Parameter("held", 1.5, 1.5, 1.75, infer.Normal(1.6, 0.05), fixed=True)
PARAMETERS = infer.ParameterSet((LEVEL, HELD))


@pytest.fixture(scope="module")
def ended():
    """Return problem and result of a fit that ended so; the error is a share of the prior."""
    data = infer.SpectrumData(np.arange(1, 3), np.ones(2), np.zeros(2), np.zeros(2))
    problem = infer.Problem(infer.TrapModel(infer.TrapSeries(lmax=4)), data, PARAMETERS)

    def result(best, *, mean=1.6, share=0.5, converged=(True, True), apart=0.1):
        errors = jnp.asarray(share * PARAMETERS.prior_sigmas * PARAMETERS.is_free)
        means, covariance = jnp.array([mean, 1.5]), jnp.diag(errors**2)
        posterior = infer.Posterior(means, covariance, means[None], jnp.ones(1), jnp.asarray(1e3))
        values, two = jnp.array([best, 1.5]), jnp.zeros(2)
        return problem, infer.FitResult(
            values=values, covariance=covariance,
            posterior=posterior, cost=0.0, chi_squared=0.0, degrees_of_freedom=1, p_value=1.0,
            start_values=jnp.stack([values, values]), start_costs=two, start_distances=two,
            converged=jnp.array(converged), check_values=(values + apart * errors)[None],
            check_costs=jnp.zeros(1), history=jnp.zeros(1), is_free=PARAMETERS.is_free,
            constrained=PARAMETERS.is_free,
        )  # fmt: skip

    return result


def gradient(num_fields, z_score):
    """Return a gradient report of two estimates that are apart by this many errors."""
    ell = np.zeros(len(z_score))
    return infer.GradientReport(
        name="dB/B0", estimators="", reason="", value=0.5, step=0.1, spectrum=ell,
        spectrum_error=ell, estimates=np.stack([ell, ell]), errors=np.stack([ell, ell]),
        biases=np.stack([ell, ell]), best=ell, best_error=ell,
        z_score=np.array(z_score), noise_ratio=1.0, tail=1.0, path_over_lyapunov=np.nan, cost=1.0,
        num_fields=num_fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("share", "line"),
    [
        (0.69, "constrained: index; 0.7 to 0.9, weakly: nothing;"),
        (0.71, "constrained: nothing; 0.7 to 0.9, weakly: index;"),
        (0.91, "0.9 or more, returns its prior: index."),
    ],
)
def test_three_classes_with_their_thresholds(ended, share, line):
    problem, result = ended(1.6, share=share)
    assert line in report.constraint_lines(problem, result)
    table = report.fit_table(problem, result)
    assert f"{share:.2f}" in table
    assert "[1.5, 1.75]" in table


def test_a_value_at_a_bound_is_a_limit(ended):
    # 1 % of the range of 0.25 is 0.0025
    assert posterior_warnings(*ended(1.502, mean=1.55)) == (
        "index: best fit at the lower bound 1.5: read as a limit",
    )
    assert posterior_warnings(*ended(1.503, mean=1.55)) == ()
    assert posterior_warnings(*ended(1.749, mean=1.748)) == (
        "index: best fit and posterior mean at the upper bound 1.75: read as a limit",
    )


def test_starts_and_optimisers_that_disagree_are_warnings(ended):
    assert fit_warnings(*ended(1.6)) == ()
    starts, optimisers = fit_warnings(*ended(1.6, converged=(True, False), apart=0.6))
    assert starts.startswith("1 of 2 starts did not converge: another optimum or a slow valley")
    assert " by another solver ends 0.6 sigma from it: another optimum" in optimisers
    assert optimisers.endswith("take more starts, or sample by chains")


def test_few_samples_are_a_warning(ended):
    problem, result = ended(1.6)
    few = eqx.tree_at(lambda r: r.posterior.effective_samples, result, jnp.asarray(12.0))
    assert posterior_warnings(problem, few) == (
        "the posterior is worth 12 samples only: its errors are rough",
    )


def test_a_best_fit_that_one_start_found_and_one_that_does_not_fit_are_warnings(ended):
    problem, result = ended(1.6)
    alone = eqx.tree_at(lambda r: r.start_costs, result, jnp.array([0.0, 30.0]))
    assert fit_warnings(problem, alone)[0].startswith("one of 2 starts alone ends at the best fit")
    bad = eqx.tree_at(lambda r: (r.chi_squared, r.p_value), result, (198.0, 9e-41))
    (line,) = fit_warnings(problem, bad)
    assert "does not describe the data: chi² = 198.0 for 1 degrees of freedom, p = 9e-41" in line


def test_the_gradient_table_has_the_worst_multipole_and_says_what_it_is():
    table = report.gradient_table(gradient(3, [9.0, 0, 0, 0, 0, -3.5, 1]), 1.5)
    assert "C_l of a boundary dipole of amplitude 1, sr" in table
    assert "not these derivatives" in table
    (row,) = [line for line in table.splitlines() if line.startswith("  5 ")]
    assert "-3.5" in row
    assert row.endswith("undecided")  # as the verdict: three fields, z of l = 0 is not counted
    assert "z from 3 fields: its errors are uncertain by 50%" in table
    assert "z from" not in report.gradient_table(gradient(10, [0.0, 1]), 1.5)


@pytest.mark.parametrize(
    ("path", "doubted"), [(2.0, False), (2.1, True), (8.9, True), (9.0, False), (np.nan, False)]
)
def test_the_verdict_says_where_it_was_not_calibrated(path, doubted):
    verdict = report.gradient_verdict(gradient(3, [0.0, 1]), path)
    assert ("not calibrated between 2 and 9 gyroradii" in verdict) is doubted
