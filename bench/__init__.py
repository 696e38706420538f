"""The side-by-side measurements: ratios in one run, beside the peer, never bare seconds."""
