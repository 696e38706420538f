"""The automations that come with Dubline: lost runs, and tickets whose outcome is unknown."""

from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events import AutomationCore, EventTrigger, Posture
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.events import ResourceSpecification

from flows.resuming import LOST
from tasks.events import PREFIX

# Ours: four heartbeats of 30 s (prefect.yaml); Prefect's own advice, 90 s, is short when a machine
# encodes on all its cores.
SILENCE = timedelta(seconds=120)
# The tag of every deployment in prefect.yaml: the runs of others on a shared server are not ours.
OURS = ResourceSpecification(
    {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.dubbing"}
)


def shipped(tell_unknown: UUID) -> tuple[AutomationCore, ...]:
    """Return the automations as they should be.

    Args:
        tell_unknown: The deployment `unknown-tickets`: an action that needs no account.
    """
    return (
        AutomationCore(
            name="Dubline: lost runs",
            description="A run that is Running and sends no heartbeats has lost its process: it "
            f"becomes {LOST} (crashed). Retry it, or start `dubline up`; nothing is paid twice.",
            # Any event ends the wait, and not only the final states' own names: runs may end in a
            # state with a name of ours.
            trigger=EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.*"},
                match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
                match_related=OURS,
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=SILENCE,
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.CRASHED,
                    name=LOST,
                    message=f"No heartbeat for {SILENCE.seconds} s: its process is gone.",
                )
            ],
        ),
        AutomationCore(
            name="Dubline: unknown tickets",
            description="A paid request whose outcome nobody knows: `unknown-tickets` says what to "
            "do, also by the notification block named in the variable dubline_notify.",
            trigger=EventTrigger(
                expect={"ticket.unknown"},
                match=ResourceSpecification({"prefect.resource.id": [f"{PREFIX}ticket.*"]}),
                posture=Posture.Reactive,
                threshold=1,
            ),
            actions=[RunDeployment(source="selected", deployment_id=tell_unknown)],
        ),
    )


def ensure(client: SyncPrefectClient, wanted: AutomationCore) -> str:
    """Create an automation, or bring the one of its name up to date; switched off, it stays off.

    Returns:
        What was done, in a word.
    """
    found = client.read_automations_by_name(wanted.name)
    if not found:
        client.create_automation(wanted)
        return "created"
    there = found[0]
    now = AutomationCore.model_validate(there.model_dump(include=set(AutomationCore.model_fields)))
    asked = wanted.model_copy(update={"enabled": there.enabled})
    if _essence(now) == _essence(asked):
        return "unchanged"
    client.update_automation(there.id, asked)
    return "updated"


def _essence(automation: AutomationCore) -> object:
    """Reduce an automation to what a person would call it: ids of triggers do not count."""
    return automation.model_dump(
        mode="json", exclude={"trigger": {"id"}, "owner_resource": True, "tags": True}
    )
