"""The work on one row: prepared, bought, brought and completed, each step by any thread."""

from contextlib import suppress
from dataclasses import dataclass, field

from lipsync import stages
from lipsync.batch.desk import Desk, Journal
from lipsync.batch.finished import placed
from lipsync.batch.loading import MEDIA, load
from lipsync.batch.outcome import Spent
from lipsync.batch.plan import PlanRow
from lipsync.batch.planning import decide
from lipsync.batch.uploaded import Uploaded, with_pair
from lipsync.buying import RENDER
from lipsync.cache import Made
from lipsync.collect import brought, ended
from lipsync.decision import Decision
from lipsync.errors import LipsyncError, VendorBusy, VendorError
from lipsync.fit import FittedPair
from lipsync.manifest import Row
from lipsync.ordering import alternatives, ordered, taken
from lipsync.outcomes import is_unbilled
from lipsync.pages.placing import page_of
from lipsync.pages.sheet import thumb_of
from lipsync.params import DubParams
from lipsync.pictures import put_pictures
from lipsync.report import DubReport
from lipsync.submit import submit
from lipsync.tickets import Delivery, Order, Ticket, TicketState
from lipsync.vendors.protocol import Progress
from lipsync.waiting import WAITING


@dataclass
class Work:
    """One row in work. Its steps are taken one after the other, whichever thread takes them.

    Attributes:
        desk: What it is worked on with.
        row: What is wanted.
        plan: What it was planned to be.
        choices: What may still be bought for it, best first.
        ticket: What was bought.
        spent: What this run has spent on it; None: nothing.
        tries: How often the step it is at has been tried in vain.
    """

    desk: Desk
    row: Row
    plan: PlanRow
    choices: list[Decision] = field(default_factory=list)
    ticket: Ticket | None = None
    spent: Spent | None = None
    tries: int = 0
    _fitted: FittedPair | None = None
    _delivery: Delivery | None = None
    _came: bool = False
    _uploaded: Uploaded | None = None

    def __post_init__(self) -> None:
        self.journal = Journal(self.desk, self.row)

    @property
    def rank(self) -> tuple[int, ...]:
        """What goes first: what is bought, then what is wanted most, then the manifest's order."""
        return (not self.plan.bought, -self.row.priority, self.row.line)

    @property
    def vendor(self) -> str:
        """Who makes it, as far as is known."""
        return self.choices[0].model.vendor if self.choices else self.plan.vendor

    def prepare(self) -> None:
        """Decide and fit: after it the row is as it is sent.

        Raises:
            LipsyncError: It cannot be dubbed after all.
        """
        decision = decide(self.journal, self.row)
        self._fitted = self.journal.found_or_made("fit", lambda shop: stages.fit(shop, decision))
        self.choices = list(alternatives(decision, self.desk.shop.catalogue))

    def upload(self) -> None:
        """Bring the pair to where the best choice's vendor can fetch it; buys nothing.

        Raises:
            VendorError: It could not be brought there.
        """
        order = self.order()
        self.ticket = self.desk.shop.ledger.by_key(order.key)
        if self.ticket is None or is_unbilled(self.ticket):
            self._uploaded = Uploaded.by(self.desk.vendor(order.vendor), order)

    def buy(self, line: int | None, *, wait: bool) -> None:
        """Send the order once, or attach to the ticket it has.

        Args:
            line: How many jobs the vendor's account may have in flight; None: any number.
            wait: Whether to wait for a place.

        Raises:
            VendorError: Or one of its kinds, as `lipsync.submit`.
            BudgetError: Nothing was sent.
        """
        self.ticket = self.journal.made("submit", lambda: self._submitted(line, wait=wait))

    def _submitted(self, line: int | None, *, wait: bool) -> Made[Ticket]:
        order, desk = self.order(), self.desk
        budget = desk.budget(self.choices[0].budget_usd)
        vendor = with_pair(desk.vendor(order.vendor), self._uploaded, order)
        sent = submit(order, desk.shop.ledger, vendor, budget, desk.run, line=line, wait=wait)
        if sent.new:
            self.spent = Spent(usd=sent.ticket.quoted_usd)
        return Made(sent.ticket, not sent.new, 0.0)

    @property
    def is_awaited(self) -> bool:
        """Whether its job is at a vendor that takes its time; the engine here works when asked."""
        ticket = self.ticket
        if ticket is None or ticket.state is not TicketState.SUBMITTED:
            return False
        return not self.desk.vendor(ticket.vendor).replayable

    def end(self, progress: Progress) -> None:
        """Write down how the job ended: its place at the vendor is free from here."""
        assert self.ticket is not None
        self.ticket = ended(self.ticket, progress, self.desk.shop.ledger)

    def sound(self) -> None:
        """Encode the voice while the picture is awaited.

        Nothing depends on it: what cannot be done now is done later, or said then.
        """
        assert self._fitted is not None
        decision = self.choices[0]
        with suppress(LipsyncError):
            stages.soundtrack(self.desk.shop, self._params(decision), decision, self._fitted)

    def _params(self, decision: Decision) -> DubParams:
        """Say what is wanted, and where it goes."""
        output = placed(self.row.params, self.desk.folder, preview=decision.model.preview)
        return self.row.params.model_copy(update={"output": output})

    def bring(self) -> None:
        """Fetch the result of the job that has ended.

        Raises:
            VendorError: There is none, or it did not come whole.
        """
        load(MEDIA)
        self._delivery = self.journal.made("collect", self._brought)
        if self.spent and self._delivery.billed_usd is not None:
            self.spent = Spent(usd=self._delivery.billed_usd)

    def _brought(self) -> Made[Delivery]:
        assert self.ticket is not None
        ledger, vendor = self.desk.shop.ledger, self.desk.vendor(self.ticket.vendor)
        ticket = self.ticket
        if ticket.state is not TicketState.COMPLETED:  # which it is when we saw the job end
            ticket = ledger.ticket(ticket.id)
        if ticket.state is TicketState.SUBMITTED:
            progress = vendor.status(ticket)
            if progress.state in WAITING:
                raise VendorBusy(f"ticket {ticket.id} is {progress.state} at {ticket.vendor}")
            ticket = ended(ticket, progress, ledger)
        found = brought(ticket, ledger, vendor, self.desk.shop.store)
        self._came = found.new
        return Made(found.delivery, not found.new, 0.0)

    def complete(self) -> DubReport:
        """Finish, disclose, verify and report: after it the dub is in its place.

        Raises:
            LipsyncError: It could not be put there.
        """
        assert self._fitted is not None
        assert self._delivery is not None
        assert self.ticket is not None
        shop, fitted, delivery = self.desk.shop, self._fitted, self._delivery
        decision = taken(self.choices[0], self.ticket, shop.catalogue)
        params = self._params(decision)
        finished = self.journal.found_or_made(
            "finish",
            lambda shop: stages.finish(shop, params, decision, fitted, delivery),
            of_news=self._came,
        )
        finished = self.journal.found_or_made(
            "disclose", lambda shop: stages.disclose(shop, decision, delivery, finished)
        )
        verdicts = self.journal.found_or_made(
            "verify",
            lambda shop: stages.verify(shop, decision, fitted, finished),
            of_news=self._came,
        )
        ran = tuple(self.journal.ran)
        report = self.journal.made(
            "report",
            lambda: stages.report(shop, params, decision, delivery, finished, verdicts, ran),
        )
        stills = stages.stills(shop, fitted, finished)
        page_of(params, decision, fitted, stills, report, verdicts.traces)
        put_pictures(shop, params, report.output, finished)
        thumb_of(shop, finished.file, stills)  # now: the sheet is made last
        return report

    def next_choice(self, error: VendorError) -> bool:
        """Go on with the next choice, if this one is proven to have cost nothing.

        Returns:
            Whether there is one.
        """
        if error.retryable or len(self.choices) < 2:  # noqa: PLR2004  this one and another
            return False
        if not is_unbilled(self.desk.shop.ledger.by_key(self.order().key)):
            return False
        self.choices.pop(0)
        self.ticket, self.tries, self.spent = None, 0, None
        return True

    def now(self) -> Ticket | None:
        """Read the row's ticket as it stands."""
        if self.ticket is not None:
            return self.desk.shop.ledger.ticket(self.ticket.id)
        if self._fitted is None or not self.choices:
            return None
        return self.desk.shop.ledger.by_key(self.order().key)

    def order(self) -> Order:
        """Say what is bought for the row, once it is prepared."""
        assert self._fitted is not None
        return ordered(self.choices[0], self._fitted, RENDER)
