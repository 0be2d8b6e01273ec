"""The questions that are answered, a module each: its verb computes, its ``result`` says it."""
