"""All streams of the log, a handful at a time: as many as are folded and compared in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from processors.replay_ports import Share, StreamSize, WholeLog

STREAMS_MAX = 500
EVENTS_MAX = 10_000
"""A stream with more is a handful by itself."""


def stream_chunks(
    log: WholeLog,
    share: Share = Share(),  # noqa: B008  # a value
    after: str = "",
    streams_max: int = STREAMS_MAX,
    events_max: int = EVENTS_MAX,
) -> Iterator[Sequence[StreamSize]]:
    """The streams of a share, from the one after ``after``, in the log's own order."""
    while page := log.streams(after, streams_max, share):
        chunk: list[StreamSize] = []
        events = 0
        for each in page:
            if chunk and events + each.events > events_max:
                yield chunk
                chunk, events = [], 0
            chunk.append(each)
            events += each.events
        yield chunk
        after = page[-1].stream_id
