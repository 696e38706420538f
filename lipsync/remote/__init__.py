"""Remote: inputs that are links, fetched once, known again, and passed on where that is safe."""
