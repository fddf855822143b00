"""The embedded server under what happens to servers: races, kills, stale files, foreign ports, odd paths."""

import ctypes
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from orchestration.errors import PermanentError, TransientError
from orchestration.settings import PROJECT_ROOT
from orchestration.stack import postgres_files
from orchestration.stack.local_postgres import LocalPostgres, running
from orchestration.stack.processes import is_alive, shim_command, wait_gone
from tests.support.postgres import TEST_CHANGES, create_database, open_folder

IS_ROOT = os.geteuid() == 0
NOBODY = 65534

# A user of the server in a process of its own: says what it got, then lives until it is told to end.
USER = """
import sys
from pathlib import Path
from orchestration.stack.local_postgres import running
from tests.support.postgres import TEST_CHANGES
with running(Path(sys.argv[1]), changes=TEST_CHANGES) as server:
    print(server._postmaster().pid, server.url(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "postgres"
    yield path
    if path.exists():
        with_server(path).stop()


def with_server(folder: Path, **options: int) -> LocalPostgres:
    return LocalPostgres(folder, changes=TEST_CHANGES, **options)


def postmaster_pid(server: LocalPostgres) -> int:
    process = server._postmaster()
    assert process is not None
    return process.pid


def has_ended(pid: int) -> bool:
    """Gone, or a zombie that nobody has waited for yet."""
    return not psutil.pid_exists(pid) or not is_alive(psutil.Process(pid))


def start_user(folder: Path, *, prefix: list[str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*(prefix or []), sys.executable, "-c", USER, str(folder)],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_line(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    line = user.stdout.readline()
    assert line, user.communicate()[1]
    return line.strip()


def test_starts_in_a_long_odd_path_and_keeps_closed_folders_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    folder = closed / ("sp ace é雪'\"$x`" + "long" * 30) / "postgres"
    assert len(os.fsencode(folder)) > 107
    with running(folder, changes=TEST_CHANGES) as server:
        with psycopg.connect(server.url()) as connection:
            row = connection.execute(
                "select current_database(), current_setting('timezone'), current_setting('data_checksums'), "
                "current_setting('listen_addresses'), current_setting('unix_socket_directories'), "
                "current_setting('client_connection_check_interval'), current_setting('server_encoding'), "
                "(select format('%s %s', datlocprovider, datlocale) "
                "from pg_database where datname = 'daybreak')"
            ).fetchone()
        assert row == ("daybreak", "UTC", "on", "127.0.0.1", "", "2s", "UTF8", "b C.UTF-8")
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(
                server.url().replace(":" + server.url().split(":")[2].split("@")[0], ""), passfile="/dev/null"
            )
        pid = postmaster_pid(server)
        assert os.getsid(pid) == pid != os.getsid(0), "Ctrl-C in our terminal must not reach the server"
    assert has_ended(pid)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    assert not list(folder.glob("initdb-*"))


def test_start_adopts_a_running_server_and_stop_is_idempotent(folder: Path) -> None:
    first, second = with_server(folder), with_server(folder)
    assert not first.is_running()
    first.start()
    pid = postmaster_pid(first)
    second.start()
    assert (postmaster_pid(second), second.url()) == (pid, first.url())
    assert second.is_running()
    first.stop()
    first.stop()
    assert not second.is_running()
    with pytest.raises(TransientError, match="not running"):
        second.url()


def test_the_last_user_stops_it_and_a_killed_user_does_not_spoil_the_count(folder: Path) -> None:
    killed, normal = start_user(folder), start_user(folder)
    pid, url = first_line(killed).split()
    assert first_line(normal) == f"{pid} {url}"
    killed.kill()
    killed.communicate()
    normal.communicate(input="")
    assert normal.returncode == 0
    assert not with_server(folder).is_running(), "the killed user's lock must be gone"

    killed = start_user(folder)
    pid = first_line(killed).split()[0]
    killed.kill()
    killed.communicate()
    assert with_server(folder).is_running(), "nobody was left to stop it"
    with running(folder, changes=TEST_CHANGES) as server:
        assert postmaster_pid(server) == int(pid), "the next user adopts it"
        with running(folder, changes=TEST_CHANGES):
            pass
        assert server.is_running(), "the inner user was not the last one"
    assert not with_server(folder).is_running()


def test_starters_racing_on_a_new_folder_get_one_server(folder: Path) -> None:
    users = [start_user(folder) for _ in range(4)]
    lines = {first_line(user) for user in users}
    assert len(lines) == 1
    for user in users:
        user.communicate(input="")
    assert [user.returncode for user in users] == [0] * 4
    assert not with_server(folder).is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="a process that adopts orphans needs Linux")
def test_killed_postmaster_that_stays_a_zombie_is_replaced_and_no_commit_is_lost(folder: Path) -> None:
    # As subreaper we inherit the postmaster and, by not waiting, keep it a zombie: a PID 1 that never reaps.
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(36, 1, 0, 0, 0) == 0
    try:
        server = LocalPostgres(folder)  # with fsync, as in production
        server.start()
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("create table kept as select generate_series(1, 1000) as n")
            pid = postmaster_pid(server)
            os.kill(pid, signal.SIGKILL)
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert (folder / "data" / "postmaster.pid").read_text().startswith(f"{pid}\n")
        assert not server.is_running()
        server.start()
        assert postmaster_pid(server) != pid
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (1000,)
        second = postmaster_pid(server)
        server.stop()
        for zombie in (pid, second):
            os.waitpid(zombie, 0)
    finally:
        libc.prctl(36, 0, 0, 0, 0)


def test_stale_pid_file_whose_pid_is_another_process_or_another_server(folder: Path, tmp_path: Path) -> None:
    server, other = with_server(folder), with_server(tmp_path / "other")
    server.start()
    server.stop()
    pid_file = folder / "data" / "postmaster.pid"
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        pid_file.write_text(f"{sleeper.pid}\n{folder / 'data'}\n0\n5432\n\n\n\nready   \n")
        assert not server.is_running()
        server.start()
        assert server.is_running()
        assert sleeper.poll() is None, "a process that is not ours must not be touched"
        sleeper.kill()
    server.stop()
    other.start()
    try:
        pid_file.write_text((tmp_path / "other" / "data" / "postmaster.pid").read_text())
        assert not server.is_running()
        server.start()
        assert server.url() != other.url()
        assert other.is_running()
    finally:
        other.stop()


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("mine")
    with pytest.raises(PermanentError, match=r"postgres.*Not a directory\nRemedy:"):
        with_server(tmp_path / "postgres").start()
    assert [p.name for p in tmp_path.iterdir()] == ["postgres"]


@pytest.mark.parametrize("text", ["", "\n", "not a number\n", "-1\n", "99999999999999999999\n", "0\n"])
def test_garbled_pid_file(folder: Path, text: str) -> None:
    server = with_server(folder)
    server.start()
    server.stop()
    (folder / "data" / "postmaster.pid").write_text(text)
    assert not server.is_running()
    server.start()
    assert server.is_running()


def test_port_taken_by_somebody_else_is_replaced_and_the_choice_is_kept(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        server = with_server(folder, port=wanted)
        server.start()
        chosen = server.port
        assert chosen != wanted
        server.stop()
    server.start()
    assert server.port == chosen, "BI tools have saved that port"
    server.stop()
    again = with_server(folder, port=wanted)
    (folder / "port").write_text("garbage")
    again.start()
    assert again.port == wanted


def test_killed_in_the_middle_of_initdb(folder: Path) -> None:
    starter = start_user(folder)
    while not list(folder.glob("initdb-*/data/PG_VERSION")):
        assert starter.poll() is None
        time.sleep(0.001)
    children = psutil.Process(starter.pid).children(recursive=True)
    starter.kill()
    starter.communicate()
    assert not (folder / "data").exists(), "a half-made cluster must not look like one"
    wait_gone(children, timeout_seconds=20)
    with running(folder, changes=TEST_CHANGES) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
        assert not list(folder.glob("initdb-*"))


def test_refuses_data_it_cannot_serve(folder: Path) -> None:
    server = with_server(folder)
    server.start()
    server.stop()
    version, password = folder / "data" / "PG_VERSION", folder / "password"

    version.write_text("16\n")
    with pytest.raises(PermanentError, match=r"made by PostgreSQL 16.*\nRemedy: dump it"):
        server.start()
    version.unlink()
    with pytest.raises(PermanentError, match="not a PostgreSQL data folder"):
        server.start()
    version.write_text("18\n")

    secret = password.read_text()
    password.write_text("wrong")
    with pytest.raises(PermanentError, match="is not the password"):
        server.start()
    assert server._postmaster() is None, "a server started in vain is not left running"
    password.unlink()
    with pytest.raises(PermanentError, match="password of the embedded server is missing"):
        server.start()
    password.write_text(secret)

    configuration = folder / "data" / "postgresql.auto.conf"
    configuration.write_text("shared_buffers = 'nonsense'\n")
    with pytest.raises(PermanentError, match=r"(?s)does not start.*nonsense.*Remedy: read"):
        server.start()


def test_stop_rolls_back_a_client_in_a_transaction(folder: Path) -> None:
    server = with_server(folder)
    server.start()
    with psycopg.connect(server.url()) as connection:
        connection.execute("create table lost (n int)")
        server.stop()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
        connection.close()
    server.start()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("select to_regclass('lost')").fetchone() == (None,)


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
def test_works_as_an_ordinary_user() -> None:
    home = open_folder("daybreak-user-")
    try:
        own = home / "own"
        own.mkdir(mode=0o700)
        os.chown(own, NOBODY, NOBODY)
        # The interpreter of this machine may lie where an ordinary user cannot walk.
        interpreter = Path(sys.executable).resolve()
        reach = [] if postgres_files.can_reach(interpreter.parent, uid=NOBODY, gid=NOBODY) else ["--may-traverse"]
        prefix = shim_command([], "--uid", str(NOBODY), "--gid", str(NOBODY), *reach)
        user = start_user(own / "postgres", prefix=prefix)
        pid = int(first_line(user).split()[0])
        assert set(psutil.Process(pid).uids()) == {NOBODY}
        assert stat.S_IMODE((own / "postgres").stat().st_mode) == 0o700
        assert (own / "postgres" / "password").stat().st_uid == NOBODY
        user.communicate(input="")
        assert user.returncode == 0
        assert has_ended(pid)
    finally:
        shutil.rmtree(home)


@pytest.mark.skipif(not IS_ROOT or shutil.which("setpriv") is None, reason="needs root and setpriv")
def test_as_root_the_server_is_unprivileged_and_says_what_is_missing(tmp_path: Path) -> None:
    # What a container withholds from its root: walking through closed folders, looking into others' processes.
    lacking = "-dac_read_search,-sys_ptrace"
    without = ["setpriv", f"--bounding-set={lacking}", f"--inh-caps={lacking}"]
    tmp_path.chmod(0o700)
    refused = start_user(tmp_path / "postgres", prefix=without)
    errors = refused.communicate(input="")[1]
    assert refused.returncode != 0
    assert "PermanentError" in errors
    assert "Remedy: user" in errors
    assert "CAP_DAC_READ_SEARCH" in errors
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700

    home = open_folder("daybreak-open-")
    try:
        user = start_user(home / "postgres", prefix=without)
        pid = int(first_line(user).split()[0])
        assert 0 not in psutil.Process(pid).uids()
        effective = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "CapEff" in line)
        assert int(effective.split()[1], 16) == 0, "no right that is not needed"
        user.communicate(input="")
        assert user.returncode == 0
    finally:
        shutil.rmtree(home)


def test_fixtures_give_separate_databases_and_copies(postgres_server: LocalPostgres, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table only_here as select 1 as n")
    name = database_url.rsplit("/", 1)[1]
    copy = create_database(postgres_server, template=name)
    empty = create_database(postgres_server)
    assert len({name, copy, empty}) == 3
    with psycopg.connect(postgres_server.url(copy)) as connection:
        assert connection.execute("select n from only_here").fetchone() == (1,)
    with psycopg.connect(postgres_server.url(empty)) as connection:
        assert connection.execute("select to_regclass('only_here')").fetchone() == (None,)
