"""Runs a Stack with the tests' modules: ``python -m tests.support.run_stack URL DAGSTER_DB [MODULE]``."""

import sys

from orchestration.errors import DaybreakError
from orchestration.settings import Settings
from orchestration.stack.stack import Stack


def main(database_url: str, dagster_database: str, module: str = "tests.support.stack_definitions") -> int:
    stack = Stack(
        Settings(),
        database_url,
        dagster_database=dagster_database,
        definitions_module=module,
        dispatcher_module="tests.support.idle_dispatcher",
        say=lambda line: print(line, flush=True),
        on_ready=lambda url: print(f"ready {url}", flush=True),
    )
    try:
        stack.run()
    except DaybreakError as error:
        print(error, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
