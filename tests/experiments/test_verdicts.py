"""From made-up numbers to yes, no and not resolved, and to text."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.experiments import EXPERIMENTS, Verdict, select, verdict_lines, verdict_table
from jaxcr.experiments.small_scale_anisotropy import (
    energy_conservation,
    skies_by_radius,
    spectra_at_mean_free_path,
    spectra_by_radius,
    table_1,
)
from jaxcr.experiments.verdicts import (
    difference,
    judge_between,
    judge_settled,
    judge_sign,
    plus_minus,
)
from jaxcr.statistics import Estimate


def estimate(value, error):
    return Estimate(jnp.asarray(float(value)), jnp.asarray(float(error)))


@pytest.mark.parametrize(
    ("change", "error", "found"),
    [(1.0, 0.1, True), (-1.0, 0.1, False), (0.2, 0.1, None), (float("nan"), 0.1, None)],
)
def test_a_sign_needs_three_standard_errors(change, error, found):
    assert judge_sign(change, error) is found


def test_settled_means_that_the_last_change_is_a_small_share_of_an_earlier_one():
    moved, still = estimate(1, 0.1), estimate(0.1, 0.1)
    assert judge_settled(still, moved, 0.2) is True
    assert judge_settled(moved, moved, 0.2) is False
    assert judge_settled(still, moved, 0.05) is None
    assert judge_settled(still, still, 0.2) is None


def test_a_number_may_lie_between_definitions_and_within_their_errors():
    definitions = [estimate(2, 0.1), estimate(4, 0.2)]
    assert judge_between(3.0, definitions)
    assert judge_between(4.5, definitions)
    assert not judge_between(4.7, definitions)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(1.2345, 0.0321, "1.234 ± 0.032 pc"), (26.93, 1.5, "26.9 ± 1.5 pc"),
     (6.02e-7, 8.2e-8, "6.02e-07 ± 8.2e-08 pc"), (3.0, 0.0, "3 pc"), (432.1, 25.0, "432 ± 25 pc")],
)  # fmt: skip
def test_numbers_have_two_digits_of_their_error(value, error, text):
    assert plus_minus(estimate(value, error), "pc") == text


def test_errors_of_independent_numbers_add_in_quadrature():
    step = difference(estimate(3, 0.3), estimate(1, 0.4))
    np.testing.assert_allclose([step.value, step.error], [2, 0.5])


def test_the_table_has_one_row_for_each_statement():
    verdicts = (Verdict("a | b", "1 ± 2", None, "why"), Verdict("c", "3", False))
    table = verdict_table({"one": verdicts}).splitlines()
    assert table[2] == "| one | a \\| b | 1 ± 2 | not resolved | why |"
    assert table[3] == "| one | c | 3 | no |  |"


def test_published_free_paths():
    sets = table_1.orbits.PARTICLE_SETS
    near = {"turning": estimate(59, 2), "distance": estimate(46, 2), "correlation": estimate(76, 5)}
    far = {name: estimate(30, 1) for name in near}
    assert table_1.judge_set(sets["30PeV"], near).holds
    assert table_1.judge_set(sets["30PeV"], far).holds is False
    assert table_1.judge_level(dict.fromkeys(["30PeV"], near)).holds
    assert table_1.judge_level(dict.fromkeys(["30PeV"], far)).holds is False
    assert table_1.judge_energy(far, near).holds
    assert table_1.judge_energy(near, far).holds is False
    assert table_1.judge_energy(far, far).holds is None
    tenth = {name: estimate(3, 0.1) for name in near}
    assert table_1.judge_scaling(tenth, far).holds
    assert not table_1.judge_scaling(far, near).holds


def power_laws(*indices, num=8):
    """Return spectra (field, stop, ell) that scatter a little about power laws."""
    l = np.maximum(np.arange(33.0), 1)
    scatter = np.random.default_rng(0).normal(1, 0.02, (num, len(indices), 33))
    return np.stack([l**-index for index in indices])[None] * scatter


def test_spectra_that_flatten_and_then_do_not():
    settled = power_laws(4, 3, 2, 2)
    assert spectra_by_radius.judge_shape(settled).holds
    assert spectra_by_radius.judge_rise(settled).holds
    assert spectra_by_radius.judge_shape(power_laws(4, 3, 2.5, 2)).holds is False
    assert spectra_by_radius.judge_shape(power_laws(2, 2, 2, 2)).holds is None
    falling = settled * np.array([1, 0.8, 0.3, 0.2])[None, :, None]
    verdict = spectra_by_radius.judge_dipole(falling, falling)
    assert verdict.holds
    assert "→ 0.1994" in verdict.measured
    assert spectra_by_radius.judge_dipole(settled, settled).holds is None


def test_the_noise_of_arrivals_is_compared_at_l_30():
    loud, quiet = power_laws(1, 1, 1, 1), 1e-6 * power_laws(1, 1, 1, 1)
    assert spectra_by_radius.judge_band(loud).holds is False
    assert spectra_by_radius.judge_band(quiet).holds


def test_finer_and_steady_skies():
    assert skies_by_radius.judge_finer(power_laws(4, 3, 2, 2)).holds
    assert skies_by_radius.judge_steady(power_laws(4, 3, 2, 2)).holds
    assert skies_by_radius.judge_steady(power_laws(4, 3, 3, 2)).holds is False
    assert skies_by_radius.judge_same_sky([estimate(0.9, 0.02)] * 3).holds
    assert skies_by_radius.judge_same_sky([estimate(0.4, 0.02)] * 3).holds is False


@pytest.mark.parametrize(("high", "holds"), [(-1.5, True), (-3.0, False), (-2.1, None)])
def test_the_flatter_spectrum(high, holds):
    slopes = {"750TeV": estimate(-2.2, 0.1), "30PeV": estimate(high, 0.1)}
    assert spectra_at_mean_free_path.judge_flatter(slopes).holds is holds


def test_energy_is_compared_where_orbits_leave():
    found = dict.fromkeys((1e-6, 1e-8, 1e-10), estimate(1e-6, 1e-7))
    assert energy_conservation.judge_mean(found, 27.0, 1e-14).holds is False
    found[1e-6] = estimate(5e-8, 1e-8)
    assert energy_conservation.judge_mean(found, 27.0, 1e-14).holds


def test_names_of_experiments():
    assert [x.name for x in select(["all"])] == list(EXPERIMENTS)
    assert [x.name for x in select(["table-1", "table-1"])] == ["table-1"]
    assert select([]) == []
    with pytest.raises(ValueError, match=r"names out of all, table-1.*Did you mean table-1\?"):
        select(["tabel-1"])
    with pytest.raises(ValueError, match="See jaxcr experiment"):
        select(["zzz"])


def test_lines_for_a_terminal_are_short_and_lose_no_word():
    verdict = Verdict("a statement " * 12, "1.0 ± 0.1 pc", None, "why not " * 20)
    text = verdict_lines({"one": (verdict,), "two": (verdict,)})
    assert max(len(line) for line in text.splitlines()) <= 100
    words = text.split()
    assert words.count("statement") == 24
    assert words.count("why") == 40
    assert "  not resolved a statement" in text
