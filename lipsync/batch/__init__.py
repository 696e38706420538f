"""Batches: many dubs planned together, made side by side, and accounted for in one table."""
