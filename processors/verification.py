"""Is a projection what its history says? Proven client by client, while everything goes on.

The rows of some clients and the positions that they reflect are read at one moment; their histories
up to there are folded again, and the two compared by digest; only where those differ, row by row.
So what is written meanwhile is no difference, and nothing is held up.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec

from domain.streams import Stream, new_stream
from processors.applying import kind_of, place_of
from processors.differences import differences
from processors.money_identities import WRONG, Broken, StatementsLedger
from processors.partitions import partition_of
from processors.replay_ports import Moment, Share, ShownRows, StreamSize, WholeLog
from processors.replaying import StreamReplay
from processors.stream_chunks import stream_chunks
from projections.kernel import Projection, Row
from schemas.envelope import Recorded

_encoder = msgspec.json.Encoder()
_MODULUS = 1 << 256
_SHOWN_MAX = 10_000
_client_of = attrgetter("client_id")


def digest_of(rows: Iterable[Row]) -> Mapping[str, str]:
    """A fingerprint of each client's rows, whatever the order they come in.

    Each row is hashed with its table's name, and the hashes of a client's rows are added up: so
    rows can stream by, from any store, without being sorted or held.
    """
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        content = _encoder.encode((row.table, msgspec.structs.astuple(row)))
        client_id: str = row.client_id  # type: ignore[attr-defined]  # every row has one
        sums[client_id] += int.from_bytes(hashlib.sha256(content).digest())
    return {client_id: f"{total % _MODULUS:064x}" for client_id, total in sums.items()}


Kind = Literal["row_missing", "row_unfounded", "row_differs", "history", "money", "not_replayable"]


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that is not as it must be: where, and which columns; no values of rows."""

    kind: Kind
    sentence: str
    projection: str | None = None
    client_id: str | None = None
    table: str | None = None
    key: dict[str, Any] | None = None
    columns: Sequence[str] = ()


class Checked(msgspec.Struct):
    """How much was compared, and what was found."""

    streams: int = 0
    events: int = 0
    rows: int = 0
    findings: list[Finding] = msgspec.field(default_factory=list)
    digests: dict[str, Mapping[str, str]] = msgspec.field(default_factory=dict)
    """Of the rows as they are shown, by projection and client."""


class Verification:
    """Compares rows with what the log says."""

    def __init__(self, log: WholeLog, rows: ShownRows) -> None:
        self._log = log
        self._rows = rows

    def applied(self, projection: str) -> int:
        """Up to where all of a projection's rows reflect the log; 0 while some are parked."""
        parked = self._rows.parked(projection)
        return 0 if parked else self._rows.position(projection)

    def chunks(self, share: Share) -> Iterator[Sequence[StreamSize]]:
        """All streams of a share, as many at a time as ``check`` takes well."""
        return stream_chunks(self._log, share)

    def check(
        self,
        projections: Sequence[Projection],
        stream_ids: Collection[str],
        ledger: StatementsLedger | None = None,
    ) -> Checked:
        """Compare some clients' and payees' rows with their histories, each as of one moment.

        What differs is looked at again, alone, and is a finding if it differs still: tables that
        were switched between two statements of one look had rows of two moments.
        """
        checked = self._look(projections, stream_ids, ledger)
        suspects = dict.fromkeys((each.projection, each.client_id) for each in checked.findings)
        checked.findings = []
        by_name = {projection.name: projection for projection in projections}
        for name, stream_id in suspects:
            assert name is not None
            assert stream_id is not None
            checked.findings += self._look([by_name[name]], [stream_id]).findings
        return checked

    def _look(
        self,
        projections: Sequence[Projection],
        stream_ids: Collection[str],
        ledger: StatementsLedger | None = None,
    ) -> Checked:
        checked = Checked(streams=len(stream_ids))
        shown = [_Shown(each, self._rows.moment(each, stream_ids)) for each in projections]
        for each in shown:
            checked.rows += len(each.moment.rows)
            if ledger is not None:
                ledger.note(each.moment.rows)
        up_to = {
            stream_id: max(each.limit(stream_id).position for each in shown)
            for stream_id in stream_ids
        }
        without_history = set(stream_ids)
        for stream_id, history in groupby(self._log.histories(up_to), _client_of):
            without_history.discard(stream_id)
            folds = _folds(shown, stream_id)
            for recorded in history:
                checked.events += 1
                for fold in folds:
                    fold.take(recorded)
            checked.findings += [found for fold in folds for found in fold.compared()]
        for each in shown:
            for stream_id in without_history:
                rows = each.rows.get(stream_id, [])
                checked.findings += row_findings(each.projection.name, stream_id, [], rows)
            checked.digests[each.projection.name] = dict(each.digests)
        return checked

    def unknown(self, projection: Projection) -> Iterator[Finding]:
        """Rows of clients and payees that the log has never heard of."""
        after = ""
        while shown := self._rows.shown(projection, after, _SHOWN_MAX):
            known = set(self._log.known(shown))
            if strangers := [stream_id for stream_id in shown if stream_id not in known]:
                moment = self._rows.moment(projection, strangers)
                for stream_id, rows in by_client(moment.rows).items():
                    yield from row_findings(projection.name, stream_id, [], rows)
            after = shown[-1]

    def gaps(self) -> Iterator[Finding]:
        """Whether positions of the log are missing."""
        head = self._log.head()
        if count := self._log.missing(head):
            told = f"{count} of the log's positions 1 to {head} are missing."
            yield Finding("history", told)


class _Limit(NamedTuple):
    """Up to where rows reflect a history."""

    position: int
    before_version: int | None
    """Of a parked client: the version that could not be applied."""


class _Shown:
    """What a projection shows of some clients at one moment."""

    def __init__(self, projection: Projection, moment: Moment) -> None:
        self.projection = projection
        self.moment = moment
        self.rows = by_client(moment.rows)
        self.digests = digest_of(moment.rows)

    def limit(self, stream_id: str) -> _Limit:
        """What the rows of a client or payee reflect."""
        marks, parked = self.moment.stands.marks, self.moment.parked.get(stream_id)
        mark = marks[partition_of(stream_id, len(marks))]
        return _Limit(mark.position, parked.version if parked else None)


def _folds(shown: Iterable[_Shown], stream_id: str) -> list[_Fold]:
    """One fold for all projections that reflect the history up to the same event."""
    by_limit: dict[_Limit, list[_Shown]] = {}
    for each in shown:
        by_limit.setdefault(each.limit(stream_id), []).append(each)
    return [_Fold(stream_id, limit, alike) for limit, alike in by_limit.items()]


class _Fold:
    """One client or payee, folded for the projections that reflect the same of it."""

    def __init__(self, stream_id: str, limit: _Limit, shown: Sequence[_Shown]) -> None:
        self._id = stream_id
        self._limit = limit
        self._shown = shown
        self._state: Stream = new_stream(stream_id)
        projections = [each.projection for each in shown]
        self._replay = StreamReplay(projections, stream_id, self._state)
        self._version = self._position = 0
        self._findings: list[Finding] = []

    def take(self, recorded: Recorded) -> None:
        """Fold the next event in; what is wrong with the history itself is found."""
        position, before_version = self._limit
        if self._findings or recorded.position > position:
            return
        if before_version is not None and recorded.version >= before_version:
            return
        if recorded.version != self._version + 1 or recorded.position <= self._position:
            told = f"after version {self._version} comes version {recorded.version}"
            self._find("history", f"{told}, at position {recorded.position}")
            return
        self._version, self._position = recorded.version, recorded.position
        try:
            self._replay.apply(recorded)
        except Exception as error:  # noqa: BLE001  # whatever a fold does, others are compared
            self._not_replayable(f"version {recorded.version}", error)

    def compared(self) -> list[Finding]:
        """How the rows that are shown differ from the replay's, and what does not add up."""
        for each in self._shown if not self._findings else ():
            try:
                changes = self._replay.take(each.projection)
            except Exception as error:  # noqa: BLE001  # as above
                self._not_replayable("its rows", error)
                continue
            self._compare(each, [row for rows in changes.scopes.values() for row in rows])
        return self._findings

    def _compare(self, shown: _Shown, expected: Sequence[Row]) -> None:
        name, rows = shown.projection.name, shown.rows.get(self._id, [])
        if digest_of(expected).get(self._id) != shown.digests.get(self._id):
            self._findings += row_findings(name, self._id, expected, rows)
        if identities := WRONG.get(name):
            self._findings += [
                money_finding(name, self._id, broken) for broken in identities(self._state, rows)
            ]

    def _not_replayable(self, what: str, error: Exception) -> None:
        told = f"{what} cannot be replayed ({kind_of(error)} at {place_of(error)})"
        self._find("not_replayable", told)

    def _find(self, kind: Kind, told: str) -> None:
        for name in [each.projection.name for each in self._shown]:
            self._findings.append(Finding(kind, f"{name}, {self._id}: {told}.", name, self._id))


_SAID: Mapping[str, tuple[Kind, str]] = {
    "added": ("row_unfounded", "is shown and the replay has no such row"),
    "gone": ("row_missing", "is missing"),
    "changed": ("row_differs", "differs from the replay in"),
}


def row_findings(
    projection: str, client_id: str, expected: Iterable[Row], shown: Iterable[Row]
) -> list[Finding]:
    """Row by row, how what is shown of a client differs from what is expected."""
    found = []
    for change in differences(expected, shown):
        kind, said = _SAID[change.kind]
        key = " ".join(f"{column}={value}" for column, value in change.key.items())
        columns = list(change.columns) if change.kind == "changed" else []
        said = f"{said} {', '.join(columns)}" if columns else said
        sentence = f"{projection}.{change.table}, {client_id}: the row {key} {said}."
        found.append(
            Finding(kind, sentence, projection, client_id, change.table, change.key, columns)
        )
    return found


def money_finding(projection: str, client_id: str, broken: Broken) -> Finding:
    """What does not add up, as a finding."""
    table, told = broken
    return Finding(
        "money", f"{projection}.{table}, {client_id}: {told}.", projection, client_id, table
    )


def by_client(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    """Rows apart by client or payee's stream."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[_client_of(row)].append(row)
    return found
