"""Run the simulation-based calibration: ``PYTHONPATH=scripts python -m sbc``."""

from sbc.run import main

main()
