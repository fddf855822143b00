"""How much memory the load of one large CSV file takes, in Python and in PostgreSQL.

Not here: how long it takes (ingestion.py). The load runs in a process of its own (``python -m benchmarks.memory DATA
HOME``, which prints JSON): what generated the file must not count.
"""

import dataclasses
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.ingestion import DEMO_DAYS, demo, demo_in, load
from benchmarks.machine import Cost, measured
from orchestration.settings import PROJECT_ROOT
from orchestration.stack.local_postgres import running


def measure_memory(rows: int, demo_days: int = DEMO_DAYS) -> tuple[int, Cost]:
    """Load a file of about so many rows, the demo's over and over, in a fresh process; its rows, and what that cost."""
    with tempfile.TemporaryDirectory(prefix="daybreak-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server may run as another user
        demo(folder / "data", demo_days)
        into_one_file(folder / "data" / "sales", rows)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", str(folder / "data"), str(folder / "home")],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"loading one file failed:\n{done.stderr[-4000:]}")
    report = json.loads(done.stdout)
    return report.pop("rows"), Cost(**report)


def into_one_file(folder: Path, rows: int) -> None:
    """The files as one, repeated under other document numbers until there are about ``rows``."""
    header, bodies = b"", []
    for path in sorted(folder.glob("*.csv")):
        header, _, body = path.read_bytes().partition(b"\n")
        bodies.append(body)
        path.unlink()
    times = max(rows // sum(body.count(b"\n") for body in bodies), 1)
    with (folder / "all.csv").open("wb") as stream:
        stream.write(header + b"\n")
        for number in range(times):
            for body in bodies:
                stream.write(re.sub(rb"(?m)^([A-Z]+)-", rb"\g<1>%d-" % number, body))


def main() -> int:
    """Load the file, and say what that cost."""
    data, home = map(Path, sys.argv[1:])
    subject = demo_in(data)
    with running(home) as server, measured(home) as cost:
        rows, _ = load(server.url(), subject)
    print(json.dumps({"rows": rows, **dataclasses.asdict(cost)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
