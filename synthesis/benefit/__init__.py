"""Benefit: treatments compared, by histology and for a population, and what carries each answer."""
