"""What must be there before a container serves: the schemas, Dagster's database and home, an end to lost runs.

Not here: the processes themselves (docker-compose.yml). `daybreak up` does the same in up.py and stack.py.
"""

import sys

from orchestration.business import load_business
from orchestration.database import database
from orchestration.errors import ConfigurationError, DaybreakError
from orchestration.settings import Settings
from orchestration.stack import janitor
from orchestration.stack.environment import write_dagster_home


def prepare(settings: Settings) -> None:
    """Set up the database that ``DAYBREAK_DATABASE_URL`` names, and Dagster's home; both may be there already.

    Raises:
        DaybreakError: no database is named, it cannot be reached or refuses, or the business folder is wrong.
    """
    if settings.database_url is None:
        raise ConfigurationError(
            "DAYBREAK_DATABASE_URL is not set", remedy="a container brings no PostgreSQL of its own"
        )
    # a code server whose code does not load serves the reason, and is healthy by Dagster's own check
    load_business(settings.business_folder)
    with database(settings):
        write_dagster_home(settings)


def main() -> None:
    """Prepare, then finish the runs that the last container left: they were its children, so none of them is alive."""
    try:
        prepare(Settings())
    except DaybreakError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    janitor.main()


if __name__ == "__main__":
    main()
