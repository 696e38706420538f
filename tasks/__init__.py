"""The stages as Prefect tasks: one thin shell each, over the same word in `lipsync`."""

import logging

# The domain logs to plain Python loggers; Prefect carries INFO and above to the run's page where
# PREFECT_LOGGING_EXTRA_LOGGERS names "lipsync".
logging.getLogger("lipsync").setLevel(logging.INFO)

# These write whole addresses, signatures included, and at DEBUG the headers that carry a key; a
# PREFECT_LOGGING_ROOT_LEVEL below WARNING would bring them to the terminal and the run's page.
for name in ("httpx", "httpcore", "botocore", "aiobotocore", "s3fs"):
    logging.getLogger(name).setLevel(logging.WARNING)
