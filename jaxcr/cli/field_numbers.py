"""What a field report says, as numbers with units."""

from typing import Any

from jaxcr import fields
from jaxcr.cli.output import quantity


def field_numbers(report: fields.FieldReport) -> dict[str, Any]:
    """Return the numbers of a report by name; gyroradii for each rigidity that was asked for."""
    values = {
        "box": (report.box, "pc"),
        "cell": (report.cell, "pc"),
        "mean": (report.mean, "µG"),
        "rms": (report.rms, "µG"),
        "level": (report.level, "1"),
        "index": (report.index, "1"),
        "outer_scale": (report.outer_scale, "pc"),
        "inner_scale": (report.inner_scale, "pc"),
        "energy_scale": (report.energy_scale, "pc"),
        "correlation_length": (report.correlation_length, "pc"),
        "divergence": (report.divergence, "1"),
        "divergence_rms": (report.divergence_rms, "1"),
        "divergence_max": (report.divergence_max, "1"),
        "deviation": (report.deviation, "1"),
        "rigidity": (report.rigidity, "PV"),
        "gyroradius": (report.gyroradius, "pc"),
    }
    return {name: quantity(value, unit=unit) for name, (value, unit) in values.items()}
