"""Tracking: one face followed through a film, for the engine that paints it and the checks."""
