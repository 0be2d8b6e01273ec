"""Run the calibration: ``PYTHONPATH=scripts python -m calibration``."""

from calibration.study import main

main()
