"""The stages as Prefect tasks: one thin shell each, over the same word in `lipsync`."""

import logging

# The domain logs to plain Python loggers; Prefect carries INFO and above to the run's page where
# PREFECT_LOGGING_EXTRA_LOGGERS names "lipsync".
logging.getLogger("lipsync").setLevel(logging.INFO)
