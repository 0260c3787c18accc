"""Tables of energies: packed without loss that matters, made by the code that reads them."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.infer.energies.packing import pack_tensors, unpack_tensors
from jaxcr.infer.energies.table import EnergyTable, read_table

DIPOLE = np.eye(1, 25, 1)[0]


@pytest.fixture(scope="module")
def table():
    return infer.energy_table(30.0)


def spectra(emulator, series=DIPOLE):
    return np.asarray(emulator.spectra(jnp.asarray(series)))


def test_packed_skies_are_the_skies_under_the_family():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(3, 20, 4, 25, 3))
    tensor = np.einsum("nslic,nsljc->nslij", factor, factor)
    first, second = np.triu_indices(25)
    packed = (tensor * np.where(np.eye(25), 1, 2))[..., first, second].astype(np.float32)
    family = np.concatenate([np.eye(3, 25, 1), rng.normal(size=(5, 25))])
    products = (family[:, first] * family[:, second]).T
    back = unpack_tensors(pack_tensors(packed, np.zeros(3), family))
    exact, kept = packed @ products, back @ products
    rms = np.sqrt(np.mean((exact - kept) ** 2, axis=1) / np.mean(exact**2, axis=1))
    assert rms.max() < 0.13
    assert rms.max() > 1e-4  # bytes: something is lost


def test_a_table_survives_its_file(table, tmp_path):
    few = eqx.tree_at(lambda e: e.tensors, table.emulator, table.emulator.tensors[:, :12])
    written = EnergyTable(table.energy, table.skies, few, {"num_fields": 12})
    infer.write_table(written, tmp_path / "x.npz", {"script": "none"})
    back = read_table(tmp_path / "x.npz")
    assert back.notes == {"num_fields": 12, "script": "none"}
    assert back.energy == 30.0
    assert back.emulator.names == table.emulator.names
    level = 2 * np.asarray(few.noise)[:, None]
    away = spectra(back.emulator).mean(1) - spectra(few).mean(1)
    assert np.abs(away / (spectra(few).mean(1) + level)).max() < 0.12  # of twelve skies


@pytest.mark.parametrize("energy", infer.tabulated_energies())
def test_packaged_tables_are_what_the_notes_say(energy):
    table = infer.energy_table(energy)
    emulator, notes = table.emulator, table.notes
    assert notes["script"].startswith("experiments/energy_dependence/")
    assert notes["ensemble"] == str(table.skies)
    assert emulator.num_skies == notes["num_fields"] >= 64
    assert emulator.lmax == table.skies.lmax
    # Stronger turbulence leaves less of the dipole, at every index.
    order = np.argsort(np.asarray(emulator.nodes)[:, 0])
    dipoles = spectra(emulator)[:, :, 1].mean(1)[order]
    assert dipoles[0] > 2 * dipoles[-1] > 0
    assert np.all(np.asarray(emulator.noise) > 0)
    # Of the scatter of one sky; more where the noise of few orbits comes and goes with dB/B0.
    assert np.asarray(emulator.error)[1] < 0.3
    assert np.all(np.asarray(emulator.error)[1:] < 0.8)


def test_the_package_holds_the_skies_that_are_simulated(table):
    """One node of 30 PeV, three fields: the table is not older than the code."""
    node = 5
    parameters = table.skies.at(**infer.physical_values(table.emulator.axes,
                                                        table.emulator.nodes[node]))  # fmt: skip
    noise = 2 * float(table.emulator.noise[node])
    for number in range(3):
        tensors, _ = infer.simulated_tensors(table.skies, parameters, number)
        first, second = np.triu_indices(25)
        fresh = np.asarray(tensors)[0] @ (DIPOLE[first] * DIPOLE[second])
        stored = spectra(table.emulator)[node, number]
        # Packing loses a tenth of mean and noise in the rms over skies: five of these at most.
        level = spectra(table.emulator)[node].mean(0) + noise
        assert np.abs((fresh - stored) / level)[1:].max() < 0.6
        np.testing.assert_allclose(stored[1], fresh[1], rtol=0.2)


def test_energies_without_a_table_are_named():
    with pytest.raises(ValueError, match=r"expected one of 20TeV, .*30PeV, got 45TeV\. Any other"):
        infer.energy_table(0.045)


@pytest.mark.parametrize(
    ("text", "energy"), [("20TeV", 0.02), ("0.75 PeV", 0.75), ("3e4GeV", 0.03), (" 30PeV", 30.0)]
)
def test_energies_are_read_with_units(text, energy):
    assert infer.parse_energy(text) == pytest.approx(energy, rel=1e-12)
    assert infer.parse_energy(infer.energy_label(energy)) == pytest.approx(energy, rel=1e-12)


@pytest.mark.parametrize("text", ["20", "TeV", "", "-1TeV", "nanTeV", "20 eV", "1e400PeV"])
def test_what_is_no_energy(text):
    with pytest.raises(ValueError, match="energy: expected a positive number with GeV, TeV, PeV"):
        infer.parse_energy(text)
