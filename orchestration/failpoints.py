"""Named points at which a test may have the process killed, so that a crash in between is tested where it hurts.

Not here: anything that runs outside tests; without DAYBREAK_FAILPOINT reaching a point does nothing.
"""

import os
import signal

from orchestration.settings import Settings


def reach(name: str) -> None:
    """Kill this process with SIGKILL if DAYBREAK_FAILPOINT names this point.

    >>> reach("a point that no test names")
    """
    if Settings().failpoint == name:
        os.kill(os.getpid(), signal.SIGKILL)
