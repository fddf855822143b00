"""A tiny code location for the tests of the stack: one job that writes its pid and sleeps."""

import os
import time
from pathlib import Path

import dagster as dg


@dg.op
def sleep_long() -> None:
    Path(os.environ["STACK_TEST_PID_FILE"]).write_text(str(os.getpid()))
    time.sleep(600)


@dg.job(executor_def=dg.in_process_executor, tags={"dagster/max_retries": "0"})
def sleeper() -> None:
    sleep_long()


defs = dg.Definitions(jobs=[sleeper])
