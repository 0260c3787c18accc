"""The particle sets of a published study, in grid units."""

import dataclasses

from jaxcr.checks import check_range
from jaxcr.units import GYRORADIUS


@dataclasses.dataclass(frozen=True)
class ParticleSet:
    """Particles and turbulence in cells of a grid; the energy is a label.

    Attributes
    ----------
    name
        How the set is called in pictures and results.
    gyroradius_cells
        Gyroradius in the mean field, in cells.
    outer_scale_cells
        Injection scale of the turbulence, in cells.
    cells
        Of the box along each axis.
    cell
        Size of a cell in pc.
    mean_field
        In µG.
    published_path
        Mean free path that was published for the set, pc; ``None`` for a scaled set.
    """

    name: str
    gyroradius_cells: float
    outer_scale_cells: float
    cells: int
    cell: float
    mean_field: float
    published_path: float | None

    @property
    def rigidity(self) -> float:
        """In PV: that of the gyroradius in the mean field, up to 11 % from the energy's label."""
        return self.gyroradius_cells * self.cell * self.mean_field / GYRORADIUS

    @property
    def gyroradius(self) -> float:
        """In pc."""
        return self.gyroradius_cells * self.cell

    @property
    def outer_scale(self) -> float:
        """In pc."""
        return self.outer_scale_cells * self.cell

    def scaled(self, cells: int) -> "ParticleSet":
        """Return a set on a smaller grid with the same cell and the outer scale at 0.4 of the box.

        The gyroradius stays that many cells, so its ratio to the outer scale is another one,
        which the name says.
        """
        check_range("ParticleSet.scaled: cells", cells, 8.0, remedy="The published box has 512.")
        outer = self.outer_scale_cells * cells / self.cells
        ratio = self.gyroradius_cells / outer
        name = f"{self.gyroradius_cells:g} cells, r_L/L = {ratio:.3g}"
        return dataclasses.replace(
            self, name=name, cells=cells, outer_scale_cells=outer, published_path=None
        )


PARTICLE_SETS = {
    "750TeV": ParticleSet("750 TeV", 5.0, 204.8, 512, 25 / 512, 3.0, 5.0),
    "7.5PeV": ParticleSet("7.5 PeV", 5.0, 204.8, 512, 250 / 512, 3.0, 50.0),
    "30PeV": ParticleSet("30 PeV", 20.0, 204.8, 512, 250 / 512, 3.0, 60.0),
}
"""The sets of table 1 of López-Barquero et al., ApJ 830 (2016) 19, by their energy."""
