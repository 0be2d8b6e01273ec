"""Simulation-based calibration of the models, and the fingerprint of what was calibrated."""
