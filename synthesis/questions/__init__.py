"""Questions: each module computes an answer with its verb and says it with ``result``."""
