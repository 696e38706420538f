"""The unified task API: one POST makes a task, one path tells how it stands, links last a day.

AiHubMax, FoxAPI and their relatives speak it (reference: providers.md §1). `request`, `faults`,
`rulings` and `tasks` decide and touch nothing; `wire` sends; `vendor` puts them together.
"""
