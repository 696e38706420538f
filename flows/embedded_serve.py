"""The embedded server's process: Prefect's API and UI on a socket bound by whoever started it.

Run by `embedded_watch.py` as `python -P embedded_serve.py FD`. Standard input is a pipe from the
watcher and nothing is ever written to it: when it ends, the watcher is gone and so is the reason
to run. The socket was listening before this process began, so an early client waits in the queue
of the socket instead of asking again, and the port cannot be lost to anybody.
"""

import os
import signal
import socket
import sys
import threading
import time

# Prefect's services need 1-3 s to stop; an open page of the UI holds its connection for ever.
GOODBYE_S = 3
# What a watcher grants, too (embedded_watch.py).
GRACE_S = 10.0
# Ours: it writes down what was done, and may be a moment late with it; what buys goes first.
NICER = 5


def leave_with_the_watcher() -> None:
    """Wait for the watcher's end of the pipe to close, then end this process in any case."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Serve until told to stop."""
    os.nice(NICER)
    threading.Thread(target=leave_with_the_watcher, name="watcher", daemon=True).start()
    import uvicorn  # noqa: PLC0415  after the thread: the imports take seconds

    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        lifespan="on",
        log_level="warning",
        timeout_graceful_shutdown=GOODBYE_S,
        # Every event would be packed by a run and unpacked here, on one and the same machine.
        ws_per_message_deflate=False,
    )
    listening = socket.socket(fileno=int(sys.argv[1]))
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
