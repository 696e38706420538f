"""The domain of Dubline: what a dub is, what it costs, and how it is made.

Nothing below this package knows Prefect. Decisions are pure functions over frozen values; the
effects (media, ledger, vendors, disk) sit in modules named for them.
"""
