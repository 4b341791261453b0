"""Verify an archive of the log offline: is it intact, and if not, what was altered?

Exit code: 0 intact, 1 altered or not proven to its end, 2 not verified. Trusted is only what the
keys you give have signed: get keys, and earlier checkpoints, from somewhere else than the archive.
The leaf. The event at each position 1, 2, 3 … of the log is one leaf, in bytes:
    ofrecord.event.v1 POSITION VERSION RECORDED-AT len(CLIENT) len(TYPE) len(SENDER) RECEIPT
    CLIENT TYPE SENDER          (nothing between the three texts, then a newline)
    the event as it is stored
VERSION is its place in the client's history, lengths are in characters, instants UTC. RECEIPT is
"-", or the hex SHA-256 of the answer that its transaction was given:
    ofrecord.receipt.v1 TRANSACTION RECORDED-AT len(SENDER) len(KEY) len(CLIENT)
    SENDER KEY CLIENT           (likewise)
    the hash of what was asked, then the answer as it was given
The tree (RFC 9162). A leaf's hash is SHA-256(00 ‖ leaf), a node's SHA-256(01 ‖ left ‖ right); level
by level they are paired up, an odd last one goes up as it is. No byte can change without the root.
The note. A checkpoint (c2sp.org/tlog-checkpoint) says in three lines the log's name, its number of
events and the root, and is signed. Where an earlier one does not fit the events of a later archive,
history was rewritten in between, whoever signed it again. Leaves that are stored beside the log
help to *name* what was altered, where they fit the signed root. Instants are not compared, for
clocks differ. Receipts of transactions without events are in no leaf: one more or less is not seen.
"""

import argparse
import base64
import gc
import hashlib
import io
import json
import re
import sys
import zipfile
import zlib
from collections import defaultdict, deque, namedtuple
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import nullcontext, suppress
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PART, LINE_BYTES_MAX, NAMED_MAX, TOLD_MAX, MOST = 65_536, 1 << 26, 10_000, 20, 1 << 63
TOLD = ("transaction_id", "client_id", "client_version", "position")
UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)
EVENT = "position version client_id type recorded_at state sender transaction_id"
RECEIPT = "transaction_id recorded_at sender key client_id content_hash body"
Event, Receipt = namedtuple("Event", EVENT), namedtuple("Receipt", RECEIPT)
T, N = r'"([^"\\\0-\x1f]*)"', r"(0|[1-9]\d{0,17})"  # how nearly all lines look; others are parsed
EVENT_LINE = f'{{"position":{N},"client_id":{T},"version":{N},"type":{T},"recorded_at":{T},'
EVENT_LINE = re.compile(f'{EVENT_LINE}"sender":{T},"transaction_id":{T},"state":"(.*)"}}'.encode())
RECEIPT_LINE = f'{{"transaction_id":{T},"sender":{T},"key":{T},"client_id":{T},"recorded_at":{T},'
RECEIPT_LINE = re.compile(f'{RECEIPT_LINE}"content_hash":{T},"body":"(.*)"}}'.encode())
Checkpoint = namedtuple("Checkpoint", "size root what origin by")
Finding = namedtuple("Finding", "kind sentence position client_id version", defaults=[None] * 3)
Part = namedtuple("Part", "digests positions leaves root streams receipts odd")


class Unusable(Exception):
    """Nothing can be verified; says why."""


def _read_keys(given, kind):  # of logs: kind 1, of witnesses: kind 4; from vkeys or files of them
    keys = {}
    for text in given:
        with suppress(OSError, ValueError):  # a vkey is no file's name
            text = Path(text).read_text("utf-8")  # noqa: PLW2901  # what the name stands for
        for line in text.split():
            found = re.fullmatch(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", line)
            name, key_id, public = found.groups() if found else ("", "", "")
            raw = base64.b64decode(public)
            identity = hashlib.sha256(f"{name}\n".encode() + raw).digest()[:4]
            if raw[:1] != bytes([kind]) or identity.hex() != key_id:
                raise Unusable(f"This is no verifier key of the kind needed: {line[:60]!r}.")
            keys[name, identity] = Ed25519PublicKey.from_public_bytes(raw[1:])
    return keys


def _read_checkpoint(note, what, keys, witnesses):  # one that a key of these has signed
    text, _, signatures = note[:1_000_000].rpartition(b"\n\n")
    text, signers, cosigned = text + b"\n", {}, set()
    lines = re.fullmatch(rb"(.+)\n(0|[1-9]\d{0,17})\n([A-Za-z0-9+/]{43}=)\n(.+\n)*", text)
    if not lines:
        raise Unusable(f"{what} is not a checkpoint.")
    origin, line = lines[1].decode(errors="replace"), r"^— (\S+) ([A-Za-z0-9+/]+=*)$"
    for name, signature in re.findall(line, signatures.decode(errors="replace"), re.MULTILINE):
        raw = base64.b64decode(signature)
        known, time = (name, raw[:4]), b"cosignature/v1\ntime %d\n" % int.from_bytes(raw[4:12])
        try:
            if known in keys:
                keys[known].verify(raw[4:], text)
            elif known in witnesses:
                witnesses[known].verify(raw[12:], time + text)
                cosigned.add(name)
        except InvalidSignature:
            raise Unusable(f"{what}: the signature of {name} is false.") from None
        signers[f"{name}+{raw[:4].hex()}"] = known in keys and name == origin
    if not any(signers.values()):
        other = "is signed by no key you gave" if origin in dict([*keys]) else "is of another log"
        raise Unusable(f"{what} {other}: it is of {origin}, signed by {', '.join(signers)}.")
    return Checkpoint(int(lines[2]), base64.b64decode(lines[3]), what, origin, cosigned)


def _root_of(hashes):  # of leaves, or of roots of equal parts
    while len(hashes) > 1:
        odd, pairs = hashes[len(hashes) & ~1 :], zip(hashes[::2], hashes[1::2], strict=False)
        hashes = [hashlib.sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
    return hashes[0] if hashes else hashlib.sha256().digest()


def _root_from(leaf, position, size, path):  # what an inclusion proof leads to
    index, hashes = position - 1, iter(path)
    while size > 1:
        if index % 2 or index + 1 < size:
            other = next(hashes, b"")
            leaf = hashlib.sha256(b"\1" + (other + leaf if index % 2 else leaf + other)).digest()
        index, size = index // 2, (size + 1) // 2
    return leaf if index == 0 and next(hashes, None) is None else b""


def _split(leaves):  # hashes that stand one behind the other
    return [leaves[at : at + 32] for at in range(0, len(leaves), 32)]


def _fits(leaves, checkpoint):  # do leaves begin with those of a checkpoint?
    end = checkpoint.size * 32
    parts = (_split(leaves[at : min(at + PART * 32, end)]) for at in range(0, end, PART * 32))
    return len(leaves) >= end and _root_of([*map(_root_of, parts)]) == checkpoint.root


def _seal_of(r):  # what stands for a receipt in the leaves of its events
    head = f"ofrecord.receipt.v1 {r.transaction_id} {r.recorded_at} {len(r.sender)} {len(r.key)} "
    head += f"{len(r.client_id)}\n{r.sender}{r.key}{r.client_id}\n"
    return hashlib.sha256(head.encode() + r.content_hash + r.body).hexdigest()


def _leaf_of(e, seal):  # the hash of an event's leaf
    head = f"ofrecord.event.v1 {e.position} {e.version} {e.recorded_at} {len(e.client_id)} "
    head += f"{len(e.type)} {len(e.sender)} {seal}\n{e.client_id}{e.type}{e.sender}\n"
    return hashlib.sha256(b"\0" + head.encode() + e.state).digest()


class Archive:
    """A zip that can be read without danger, line by line: nothing large is ever in memory."""

    def __init__(self, path):
        try:
            self.zip, self.digests = zipfile.ZipFile(path), {}
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            how = "cut short" if Path(path).read_bytes()[:2] == b"PK" else "not an archive"
            raise Unusable(f"{path} is {how}.") from None
        self.names = {member.filename for member in self.zip.infolist()}
        large = [m for m in self.zip.infolist() if m.file_size >> (40 if "/" in m.filename else 26)]
        if large or len(self.names) < len(self.zip.infolist()) or ".." in "".join(self.names):
            raise Unusable(f"{path} has members that no archive has, or two of one name.")

    def _rows(self, name, read=bytes):  # what the lines of a member are
        digest = hashlib.sha256()
        if name not in self.names:
            raise Unusable(f"The archive was altered after it was made: {name} is missing.")
        try:
            with self.zip.open(name) as member, io.BufferedReader(member, 1 << 20) as file:
                for number, line in enumerate(iter(partial(file.readline, LINE_BYTES_MAX), b""), 1):
                    digest.update(line)
                    try:
                        row = read(line.removesuffix(b"\n"))
                    except UNREADABLE:
                        raise Unusable(f"{name}: line {number} is not as it should be.") from None
                    yield row
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError):
            raise Unusable(f"The archive is damaged or was cut short: {name}.") from None
        self.digests[name] = digest.hexdigest()


def _plain(text):  # what a string of JSON is of which only quotes are escaped; else nothing
    plain = text.replace(b'\\"', b'"')
    escaped = len(text) - len(plain)
    return plain if text.count(b"\\") == escaped == plain.count(b'"') else None


def _event_in(line):
    usual = EVENT_LINE.fullmatch(line)
    if not usual or (state := _plain(usual[8])) is None:
        return _parsed(Event, "state", json.loads(line.decode()))
    client_id, name, at, sender, cause = map(bytes.decode, usual.group(2, 4, 5, 6, 7))
    return Event(int(usual[1]), int(usual[3]), client_id, name, at, state, sender, cause)


def _receipt_in(line):
    usual = RECEIPT_LINE.fullmatch(line)
    if not usual or (body := _plain(usual[7])) is None:
        return _parsed(Receipt, "body", json.loads(line.decode()))
    known, sender, key, client_id, at, asked = map(bytes.decode, usual.groups()[:6])
    return Receipt(known, at, sender, key, client_id, bytes.fromhex(asked), body)


def _parsed(kind, long, fields):
    value = fields[long]
    fields[long] = value.encode() if type(value) is str else base64.b64decode(value["base64"])
    if kind is Receipt:
        fields["content_hash"] = bytes.fromhex(fields["content_hash"])
    return kind(**fields)


def _said(receipt):  # what the answer says; nothing if it is none
    with suppress(*UNREADABLE):
        return dict(json.loads(receipt.body.decode()))
    return {}


def _about(kind, e, what="The event, or the receipt with it, was changed"):
    what += f" (position {e.position}, client {e.client_id!r}, version {e.version})."
    return Finding(kind, what, e.position, e.client_id, e.version)


def _fits_event(r, e, last):  # is this the receipt of the transaction whose last event this is?
    if r.client_id != e.client_id or r.recorded_at != e.recorded_at or r.sender != e.sender:
        return False
    if r.body.endswith(b',"position":%d}' % e.position):  # as nearly all answers end
        head = f'{{"transaction_id":"{r.transaction_id}","client_id":"{e.client_id}",'
        if r.body.startswith(head.encode()) and b'"client_version":%d,' % e.version in r.body:
            return True
    known, client_id, *place = map(_said(r).get, TOLD)
    ahead = type(place[1]) is int and place[1] > last  # the transaction goes on in another member
    right = ahead or place in ([e.version, e.position], [None, 0])
    return right and (known, client_id) == (r.transaction_id, e.client_id)


def _examine(number, file, checkpoint, whole):  # a member, in a process of its own
    archive, odd, answers, streams, ends = Archive(file), [], {}, defaultdict(list), {}
    for r in archive._rows(f"receipts/{number}", _receipt_in):
        odd += [Finding("receipt inserted", f"A second of {r[0]!r}.")] * (r[0] in answers)
        answers[r.transaction_id] = _seal_of(r), r
    proofs = () if whole else archive._rows(f"proofs/{number}", json.loads)
    paths = {proof["position"]: [*map(base64.b64decode, proof["hashes"])] for proof in proofs}
    positions, leaves, (size, root, *_) = [], [], checkpoint
    for e in archive._rows(f"events/{number}", _event_in):
        seal, ends[e.transaction_id] = answers.get(e.transaction_id, "-")[0], e
        leaves.append(leaf := _leaf_of(e, seal))
        positions.append(e.position)
        streams[e.client_id].append(e.version)
        if e.transaction_id and seal == "-":
            odd.append(_about("receipt deleted", e, "The receipt of the event is gone"))
        path = () if whole else paths.get(e.position, ())
        if not whole and e.position <= size and _root_from(leaf, e.position, size, path) != root:
            odd.append(_about("changed", e))
    more = f"events/{number}" < max(name for name in archive.names if name[:7] == "events/")
    for known, (_, r) in answers.items():
        if not (e := ends.get(known)):
            odd.append(Finding("receipt inserted", f"{known!r} caused none of the events."))
        elif not _fits_event(r, e, positions[-1] if more else MOST):
            told = str(_said(r).get("transaction_id"))
            kind = "swapped" if told != known and told in answers else "changed"
            odd.append(_about(f"receipt {kind}", e, "The receipt does not fit the event"))
    root = _root_of(leaves)
    return Part(archive.digests, positions, b"".join(leaves), root, streams, len(answers), odd)


class Verification:
    """What is found in an archive, and where."""

    def __init__(self, path, keys, witnesses, earlier):
        keys, witnesses = _read_keys(keys, 1), _read_keys(witnesses, 4)
        self.archive = archive = Archive(path)
        manifest = json.loads(b"\n".join(archive._rows("manifest.json")))
        if (manifest["format"], manifest["format_version"]) != ("ofrecord-archive", 1):
            raise Unusable("This archive is of a newer format: get the verifier that goes with it.")
        listed = {member["name"]: member["sha256"] for member in manifest["members"]}
        self.scope, self.kind = manifest["scope"], manifest["scope"]["kind"]
        read = partial(_read_checkpoint, keys=keys, witnesses=witnesses)
        self.own = own = read(b"\n".join(archive._rows("checkpoint.txt")), "checkpoint.txt")
        self.earlier = sorted(read(Path(file).read_bytes(), file) for file in earlier)
        if lacking := dict([*witnesses]).keys() - own.by.union(*(c.by for c in self.earlier)):
            raise Unusable(f"No checkpoint is cosigned by {', '.join(lacking)}.")
        if self.kind != "all" and any(c[:2] != own[:2] for c in self.earlier):
            raise Unusable("Other checkpoints than its own can be compared with a whole log only.")
        numbers = sorted(name[7:] for name in archive.names if name.startswith("events/"))
        work = partial(_examine, file=path, checkpoint=own, whole=self.kind == "all")
        many = partial(ProcessPoolExecutor, initializer=gc.disable)  # nothing goes in circles
        with many() if numbers[1:] else nullcontext() as pool:
            parts = [*(pool.map if pool else map)(work, numbers)]
        self.parts, self.hurt = dict(zip(numbers, parts, strict=True)), set()
        self.odd = [odd for part in parts for odd in part.odd]
        self.positions = [position for part in parts for position in part.positions]
        self.seen = {"origin": own.origin, "size": own.size, "scope": self.scope}
        self.seen |= {"events": len(self.positions), "receipts": sum(p.receipts for p in parts)}
        self.seen["receipts_not_proven"] = 0
        self.findings = self._whole(keys) if self.kind == "all" else [*self.odd]
        self.findings += [*self._order(), *self._strays(set(self.positions))]
        end = max(own.size, *(c.size for c in self.earlier), 0)
        if not self.hurt and (unproven := sum(position > end for position in self.positions)):
            what = f"{unproven} events after position {end} are in no checkpoint yet."
            self.findings.append(Finding("unproven", what, end + 1))
        digests = archive.digests | {n: d for part in parts for n, d in part.digests.items()}
        for name in archive.names - digests.keys():
            digests[name] = deque(archive._rows(name), 0) or archive.digests[name]
        for name in (listed | digests).keys() - {"manifest.json"}:
            if listed.get(name) != digests.get(name):
                raise Unusable(f"The archive was altered after it was made: {name}.")

    def _whole(self, keys):  # compare a whole log with the checkpoints
        positions, own, known = self.positions, self.own, [self.own, *self.earlier]
        end = next((at for at, place in enumerate(positions) if place != at + 1), len(positions))
        leaves, findings, low = b"".join(p.leaves for p in self.parts.values()), [*self.odd], 0
        signed, cut = leaves[: end * 32], end == len(positions) < own.size
        parts, full = [*self.parts.values()], end == len(positions) == own.size
        full = full and {len(part.positions) for part in parts[:-1]} <= {PART}
        fits = (full and _root_of([p.root for p in parts]) == own.root) or _fits(signed, own)
        if not fits or min(positions[end:], default=end + 1) <= own.size:
            names = sorted(name for name in self.archive.names if name.startswith("leaves/"))
            stored = b"".join(self.archive.zip.open(name).read(PART * 32) for name in names)
            if not _fits(stored, own):
                with suppress(Unusable, *UNREADABLE):
                    for said in self.archive._rows("checkpoints.jsonl", json.loads):
                        known.append(_read_checkpoint(said["note"].encode(), "", keys, {}))
                low = max((c.size for c in known if _fits(signed, c)), default=0)
                high = min((c.size for c in known if not _fits(signed, c)), default=end)
                what = f"The events after position {low}, up to {high}, are not those signed; the "
                what += "tree stored with them was computed anew, so that it tells no more."
                return [Finding("truncated" if cut else "altered", what, low + 1), *findings]
            signed = stored[: own.size * 32]
            ours = dict(zip(positions, _split(leaves), strict=True))
            theirs = dict(enumerate(_split(signed), start=1))
            self.hurt = {place for place, leaf in theirs.items() if leaf != ours.get(place)}
            findings = self._explain(self.hurt | (ours.keys() - theirs.keys()), theirs)
        for c in self.earlier:
            if c.size * 32 > len(signed):
                what = f"{c.what} is of {c.size} events: they were cut off, or this is older."
                findings.append(Finding("truncated", what, end + 1))
            elif not _fits(signed, c):
                what = f"{c.what} does not fit what is signed now: history was rewritten after "
                what += f"position {low}, at or before {c.size}, and signed again."
                return [*findings, Finding("forked", what, low + 1)]
            low = c.size
        return findings

    def _explain(self, wanted, stored):  # name what happened to these positions
        vacant, moved, left, findings, shift = set(self.hurt), {}, [], [], 0
        for event, receipt in islice(self._suspects(wanted), NAMED_MAX):
            told = event._replace(position=event.position + shift)
            with suppress(*UNREADABLE):  # where its receipt says it was
                said, cause = _said(receipt), json.loads(event.state)["cause"]
                after = cause.get("count", 1) - cause.get("index", 1)  # of the transaction's events
                name = said["events"][-1 - after]
                place = said["position"] - after, said["client_version"] - after, receipt.client_id
                told = Event(*place, f"{name['type']}.v{name['version']}", receipt[1], *event[5:])
            seal = _seal_of(receipt) if receipt else "-"
            if told.position in vacant and stored[told.position] == _leaf_of(told, seal):
                vacant.remove(told.position)
                moved[event], shift = told, told.position - event.position
            else:
                left.append(event)
        homes = {event.position: told.position for event, told in moved.items()}
        homes |= {event[1:3]: told[1:3] for event, told in moved.items()}
        for event, told in [(now, was) for now, was in moved.items() if now != was]:
            kind = "renumbered" if event[2:5] == told[2:5] else "changed"
            for now, old in (event.position, told.position), (event[1:3], told[1:3]):
                kind = "swapped" if homes.get(old) == now != old else kind
            names = [name for name in EVENT.split() if getattr(event, name) != getattr(told, name)]
            what = f"It was at {told.position}, and has another {' and '.join(names)} now"
            findings.append(_about(kind, event, what))
        for event in left:
            if event.position in vacant:
                told = (odd for odd in self.odd if odd.position == event.position)
                findings.append(next(told, _about("changed", event)))
            elif event.position <= self.own.size:
                findings.append(_about("inserted", event, "This was not there when it was signed"))
        gone = sorted(vacant - {event.position for event in left})
        for _, run in groupby(enumerate(gone), lambda pair: pair[1] - pair[0]):
            first, *_, last = [position for _, position in run] * 2
            kind = "truncated" if last == self.own.size else "deleted"
            findings.append(Finding(kind, f"Positions {first} to {last} are gone.", first))
        return findings

    def _suspects(self, wanted):  # events at these positions with their receipts, read again
        for number in (n for n, part in self.parts.items() if wanted.intersection(part.positions)):
            receipts = {r[0]: r for r in self.archive._rows(f"receipts/{number}", _receipt_in)}
            rows = self.archive._rows(f"events/{number}", _event_in)
            yield from ((e, receipts.get(e.transaction_id)) for e in rows if e.position in wanted)

    def _order(self):  # what the events say themselves: each client's versions are 1, 2, 3 …
        streams = {"": self.positions} if self.kind == "period" else {}
        for client_id, versions in chain(*(part.streams.items() for part in self.parts.values())):
            streams.setdefault(client_id, []).extend(versions)
        for client_id, versions in streams.items():
            first = versions[0] if self.kind == "period" else 1
            at = next((n for n, v in enumerate(versions, start=first) if v != n), None)
            if at is not None and not self.hurt:
                what = f"The history of {client_id or 'the log'!r} does not go on with {at}."
                kind = "renumbered" if at in versions else "deleted"
                yield Finding(kind, what, None, client_id, at)
            whose = {"client": [self.scope.get("client_id")], "producer": self.scope.get("streams")}
            if client_id not in whose.get(self.kind, [client_id]):
                yield Finding("inserted", f"{client_id!r} is not of this part.", None, client_id)

    def _strays(self, places):  # receipts of transactions that caused no event
        for r in self.archive._rows("receipts/without-events.jsonl", _receipt_in):
            self.seen["receipts_not_proven"] += 1
            said, known = _said(r), f"{r.sender}\0{r.key}".encode()
            known = hashlib.blake2b(known, digest_size=16).hexdigest(), r.client_id
            if (said.get("transaction_id"), said.get("client_id")) != known or r[0] != known[0]:
                yield Finding("receipt changed", f"That of {r.transaction_id!r} was another.")
            elif said.get("events") and (at := said.get("position")) not in self.hurt:
                what = f"The receipt of {r.transaction_id!r} tells of events that are not there."
                yield Finding("receipt inserted" if at in places else "deleted", what, at)


def main(arguments=None):
    """Verify an archive as the command line asks; returns the exit code."""
    parser = argparse.ArgumentParser("ofrecord-verify", description=__doc__.splitlines()[0])
    parser.add_argument("archive", help="as `ofrecord export` wrote it")
    parser.add_argument("--json", action="store_true", help="answer in JSON, for programs")
    many = partial(parser.add_argument, action="append", default=[])
    many("--key", metavar="VKEY|FILE", required=True, help="whose signature is believed: the log's")
    many("--checkpoint", metavar="FILE", help="an earlier one, kept elsewhere")
    many("--witness", metavar="VKEY|FILE", help="who must have cosigned a checkpoint")
    asked = parser.parse_args(arguments)
    try:
        found = Verification(asked.archive, asked.key, asked.witness, asked.checkpoint)
    except (Unusable, OSError, BrokenExecutor, MemoryError, *UNREADABLE) as error:
        reason = f"The archive, or what was given with it, is damaged ({type(error).__name__})."
        reason = f"{error}" if isinstance(error, Unusable | OSError) else reason
        said = json.dumps({"verdict": "not verified", "reason": reason})
        sys.stdout.write(f"{said}\n" if asked.json else f"Not verified. {reason}\n")
        return 2
    kinds, findings = {finding.kind for finding in found.findings}, found.findings
    verdict = "altered" if kinds - {"unproven"} else "not proven" if kinds else "intact"
    said = {"verdict": verdict, **found.seen, "findings": [each._asdict() for each in findings]}
    part = " ".join(f"{value}" for name, value in said["scope"].items() if name != "streams")
    text = f"{verdict.capitalize()}: {said['events']} events and {said['receipts']} receipts of "
    text += f"{said['origin']} ({part}), signed at {said['size']}."
    if more := said["receipts_not_proven"]:
        text += f" {more} more receipts, of transactions without events, nothing proves."
    text += "".join(f"\n- {each.kind}: {each.sentence}" for each in findings[:TOLD_MAX])
    text += f"\n- and {len(findings) - TOLD_MAX} more" * (len(findings) > TOLD_MAX)
    sys.stdout.write(f"{json.dumps(said) if asked.json else text}\n")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
