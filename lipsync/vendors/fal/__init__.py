"""fal: the sync.so models and LatentSync behind fal's queue, spoken to with fal's own client.

`arguments`, `answers`, `standing` and `prices` decide and touch nothing; `line`, `queue`,
`uploads` and `platform` are the edges; `vendor` puts them together (reference: fal-protocol.md).
"""
