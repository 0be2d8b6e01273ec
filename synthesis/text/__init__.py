"""A registry as plain text: lists, single studies, overlaps, results of a check.

Reads nothing but the registry, and imports nothing that samples, draws or tabulates.
"""
