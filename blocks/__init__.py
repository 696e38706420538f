"""What a person configures in Prefect, as typed blocks.

Empty so far: the embedded vendor needs no account, and where things are kept is `DUBLINE_HOME`.
Accounts, hosting, ledger and store become blocks with the paid vendors. The layer stands in the
import contract already, so that nothing grows past it.
"""
