"""Measures: what is seen and heard in a finished video, decoded once."""
