"""Simulated papers of known truth: coverage, width and reliability of what is inferred."""
