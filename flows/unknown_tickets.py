"""The flow `unknown-tickets`: which purchases wait for a person, told where a person looks."""

from prefect import flow

from tasks.unknown_tickets import tell_unknown


@flow(name="unknown-tickets", flow_run_name="tell which tickets are unknown")
def unknown_tickets() -> tuple[str, ...]:
    """List the tickets whose outcome nobody knows, with what to do; nothing is bought or changed.

    In the log and a table of this run, and by the notification block that the Prefect variable
    `dubline_notify` names, e.g. `slack-webhook/ops`, if it is set.
    """
    return tell_unknown()
