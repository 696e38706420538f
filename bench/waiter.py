"""The waiter of `bench.inflight`: awaits the jobs of a book, and says how late it saw them end.

python -m bench.waiter BOOK HOME LATENCY_S
"""

import json
import sys
import time
from pathlib import Path

from lipsync.accounts import FalSettings
from lipsync.awaiting import Awaiter
from lipsync.home import Home
from lipsync.shelf import load_catalogue
from lipsync.store import Store
from lipsync.tickets import Ticket
from lipsync.vendors.fal.vendor import FalVendor
from lipsync.vendors.protocol import Progress
from lipsync.waiting import WAITING


def main() -> None:
    """Await every ticket of a file of JSON lines; print how the jobs ended, and when."""
    book, home, latency_s = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    late_s: list[float] = []

    def told(ticket: Ticket, progress: Progress) -> None:
        if progress.state not in WAITING:
            late_s.append(time.time() - ticket.created_at.timestamp() - latency_s)

    vendor = FalVendor(FalSettings.found(), load_catalogue(), Store(Home(home)))
    with Awaiter(lambda _name: vendor, told) as awaiter:
        lines = book.read_text().splitlines()
        futures = [awaiter.wait_for(Ticket.model_validate_json(line)) for line in lines]
        ended = {future.result().state.value for future in futures}
    print(json.dumps({"ended": sorted(ended), "late_s": sorted(late_s)}))


if __name__ == "__main__":
    main()
