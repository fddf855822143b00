"""The point-forecast models as plain functions of one history, for the suites that hold each of them to the same.

Not here: what is asked of them.
"""

from forecasting.kernel.registry import MODELS, Model

Kernel = Model
# The one line that knows where the models live.
KERNEL: dict[str, Kernel] = dict(MODELS)
