"""The worker's process: Prefect's own worker, which ends when `dubline up` is gone.

Run by `working.py` as `python -P worker_process.py ARGUMENTS...`, the arguments of `prefect worker
start`. Standard input is a pipe from `dubline up` and nothing is ever written to it: when it ends,
nobody is left who would stop this worker.
"""

import os
import signal
import sys
import threading


def leave_with_up() -> None:
    """Wait for the other end of the pipe to close, then stop as after Ctrl-C."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)


def main() -> None:
    """Work until told to stop."""
    # Whoever started us may have ignored it, as a shell does for what it puts in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=leave_with_up, name="up", daemon=True).start()
    from prefect.cli import app  # noqa: PLC0415  after the thread: the imports take seconds

    sys.argv = ["prefect", "worker", "start", *sys.argv[1:]]
    app()


if __name__ == "__main__":
    main()
