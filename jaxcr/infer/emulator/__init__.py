"""Emulators of the transfer tensor over the parameters of turbulence."""

from jaxcr.infer.emulator.table import TransferTable, build_transfer_table

__all__ = ["TransferTable", "build_transfer_table"]
