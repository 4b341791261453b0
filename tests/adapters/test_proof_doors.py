"""Proofs over HTTP and on the command line, on Harbor Bakery: from the key to a checked proof."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.outbound.event_store import PostgresEventLog
from processors.merkle import consistency_holds, inclusion_holds
from processors.proving import leaf_hashes
from schemas.notes import parse_proof, parse_vkey, verify_checkpoint
from tests.adapters.command_line import CommandLine, Ended
from tests.adapters.served import HARBOR, Served, served_with_harbor

_ORIGIN = "ofrecord.localhost/log"


class Proved:
    """Harbor Bakery served, half of it proven, then all; and the command line on it."""

    def __init__(self, api: Served, database_url: str, folder: Path) -> None:
        self.api, self.database_url, self.folder = api, database_url, folder
        self.head = api.application.services.log.head()
        self.run = CommandLine(database_url)

    def ended(self, *arguments: str) -> Ended:
        """Run a command that must go well."""
        ended = self.run(*arguments)
        assert ended.code == 0, ended.err
        return ended


@pytest.fixture(scope="module")
def proved(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proved]:
    """The system, all of whose events are proven."""
    folder = tmp_path_factory.mktemp("proofs")
    with pytest.MonkeyPatch.context() as patch, served_with_harbor(module_database_url) as api:
        patch.setenv("OFRECORD_PROOF_KEYS", str(folder / "keys"))
        (folder / "bucket").mkdir()
        patch.setenv("OFRECORD_PUBLISH_CHECKPOINTS", str(folder / "bucket"))
        proved = Proved(api, module_database_url, folder)
        assert f"{proved.head} events are proven." in proved.ended("prove", "--once").out
        yield proved


def test_a_proof_is_checked_with_nothing_but_the_key(proved: Proved) -> None:
    """Every event's, from the command line and over HTTP, against the vkey that is shown."""
    [key] = proved.ended("proof-key", "list", "--json").json()
    with psycopg.connect(proved.database_url):
        log = PostgresEventLog(proved.database_url)
    leaves = leaf_hashes(log, log.entries(0, proved.head))
    log.close()
    for position in (1, 2, proved.head):
        text = proved.ended("proof", str(position)).out
        assert proved.api.get(f"/v1/proof/inclusion/{position}").text == text
        proof = parse_proof(text)
        head, _ = verify_checkpoint(proof.checkpoint, _ORIGIN, [parse_vkey(key["vkey"])])
        assert (proof.index, head.size) == (position - 1, proved.head)
        leaf = leaves[position - 1]
        assert inclusion_holds(leaf, position, head.size, proof.hashes, head.root)


def test_a_checkpoint_is_shown_kept_and_published(proved: Proved) -> None:
    """The same bytes everywhere."""
    note = proved.ended("checkpoint").out
    assert note.startswith(f"{_ORIGIN}\n{proved.head}\n")
    assert proved.ended("checkpoint", "--json").json()["note"] == note
    answer = proved.api.get(f"/v1/proof/checkpoint?size={proved.head}", "operations")
    assert (answer.text, answer.headers["content-type"]) == (note, "text/plain; charset=utf-8")
    [listed] = proved.ended("checkpoints", "--json").json()
    assert listed["size"] == proved.head
    [published] = (proved.folder / "bucket").iterdir()
    assert published.read_text() == note
    again = proved.ended("checkpoints", "--publish", str(proved.folder / "bucket"))
    assert again.out.strip() == str(published)
    published.write_text("another\n")
    refused = proved.run("checkpoints", "--publish", str(proved.folder / "bucket"))
    assert (refused.code, "was not replaced" in refused.err.replace("\n", " ")) == (1, True)
    for no_folder in (published, proved.folder / "not-mounted"):
        refused = proved.run("checkpoints", "--publish", str(no_folder))
        assert (refused.code, "There is no such folder" in refused.err) == (1, True)


def test_where_the_keys_are_gone_no_others_are_made(proved: Proved) -> None:
    """The log is signed: nobody would trust what other keys sign, and nobody could tell why."""
    keys = proved.folder / "keys"
    aside = keys.rename(proved.folder / "aside")
    try:
        refused = proved.run("prove", "--once")
        assert (refused.code, "its keys have signed this log" in refused.err) == (1, True)
        assert not keys.exists()
    finally:
        aside.rename(keys)
    assert proved.ended("prove", "--once")


def test_the_log_is_checked_against_an_earlier_checkpoint(proved: Proved) -> None:
    """By its tree, or by every event; with our keys or the one that is given."""
    kept = proved.folder / "kept.txt"
    kept.write_text(proved.ended("checkpoint").out)
    [key] = proved.ended("proof-key", "list", "--json").json()
    for options in ([], ["--from-events"], ["--vkey", key["vkey"]]):
        ended = proved.ended("checkpoint", "--verify", str(kept), *options)
        assert f"The log begins with the {proved.head} events" in ended.out
    kept.write_text(kept.read_text().replace(f"\n{proved.head}\n", "\n3\n"))
    forged = proved.run("checkpoint", "--verify", str(kept))
    assert (forged.code, "is wrong" in forged.err) == (1, True)


def test_consistency_is_proven_over_http(proved: Proved) -> None:
    """Between any two sizes; hashes in base64."""
    answer = proved.api.get(f"/v1/proof/consistency?from=3&to={proved.head}", "carrier").json()
    roots = [base64.b64decode(answer[name]) for name in ("from_root", "to_root")]
    hashes = [base64.b64decode(each) for each in answer["hashes"]]
    assert consistency_holds(3, roots[0], proved.head, roots[1], hashes)
    body = proved.ended("checkpoint", "--for-witness", "3").out
    lines = [base64.b64encode(each).decode() for each in hashes]
    assert body == "\n".join(["old 3", *lines, "", proved.ended("checkpoint").out])


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/proof/inclusion/{beyond}", 404, "not_proven"),
        ("/v1/proof/inclusion/0", 422, "invalid_request"),
        ("/v1/proof/inclusion/1?size=1", 404, "not_proven"),
        ("/v1/proof/inclusion/1?size={beyond}", 404, "not_proven"),
        ("/v1/proof/checkpoint?size=0", 422, "invalid_request"),
        ("/v1/proof/consistency?from=3&to={beyond}", 404, "not_proven"),
        ("/v1/proof/consistency?from=5&to=3", 404, "not_proven"),
        ("/v1/proof/consistency", 422, "invalid_request"),
        ("/v1/proof/checkpoint?from=3", 422, "invalid_request"),
    ],
)
def test_what_is_not_proven_is_told(proved: Proved, path: str, status: int, code: str) -> None:
    """As a problem with a sentence."""
    answer = proved.api.get(path.format(beyond=proved.head + 1))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_portals_get_no_proofs(proved: Proved) -> None:
    """Sizes tell how busy the carrier is."""
    assert proved.api.get("/v1/proof/checkpoint", "portal").status_code == 403


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["proof", "99999"], 1, "not proven"),
        (["proof", "0"], 2, ""),
        (["proof", "1", "--size", "99999"], 1, "not of 99999 yet"),
        (["proof", "1", "--size", "1"], 1, "No checkpoint of size 1 is kept"),
        (["checkpoint", "--size", "0"], 2, ""),
        (["checkpoint", "--for-witness", "99999"], 1, "does not begin"),
        (["checkpoint", "--verify", "missing.txt"], 2, "cannot be read"),
        (["checkpoint", "--verify", __file__], 2, "note"),
        (["checkpoint", "--verify", __file__, "--vkey", "nonsense"], 2, "verifier key"),
        (["proof-key", "retire", "00000000"], 1, "No key 00000000"),
        (["proof-key", "adopt"], 1, "have signed checkpoints already"),
    ],
)
def test_bad_input_is_told(proved: Proved, arguments: list[str], code: int, said: str) -> None:
    """In a sentence, with an exit code."""
    ended = proved.run(*arguments)
    assert (ended.code, said in ended.err) == (code, True), ended.err


def test_an_altered_event_or_receipt_is_found(proved: Proved) -> None:
    """Whichever column of the database was changed; the tree alone does not show it."""
    kept = proved.folder / "before.txt"
    kept.write_text(proved.ended("checkpoint").out)
    check = ("checkpoint", "--verify", str(kept))
    first = "(SELECT min(notification_id) FROM stored_events)"
    cause = "convert_from(state, 'UTF8')::json #>> '{cause,transaction_id}'"
    wheres = {
        "stored_events": f"notification_id = {first}",
        "receipts": f"transaction_id = (SELECT {cause} FROM stored_events"
        f" WHERE notification_id = {first})",
    }
    for table, column, other in (
        ("stored_events", "state", "state || ' '::bytea"),
        ("stored_events", "recorded_at", "recorded_at - interval '1 microsecond'"),
        ("receipts", "body", "body || ' '::bytea"),
        ("receipts", "sender", "sender || 'x'"),
    ):
        where = wheres[table]
        with psycopg.connect(proved.database_url) as conn:
            [before] = conn.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone() or [0]
            conn.execute(f"UPDATE {table} SET {column} = {other} WHERE {where}")
        assert proved.run(*check).code == 0
        told = proved.run("proof", "1")
        assert (told.code, "not the one that was proven" in told.err) == (1, True), column
        answer = proved.api.get("/v1/proof/inclusion/1")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_proven"), column
        found = proved.run(*check, "--from-events")
        assert (found.code, "not as they were signed" in found.err) == (1, True), column
        with psycopg.connect(proved.database_url) as conn:
            conn.execute(f"UPDATE {table} SET {column} = %s WHERE {where}", (before,))
    assert proved.run(*check, "--from-events").code == 0


def test_an_altered_tree_proves_nothing(proved: Proved) -> None:
    """Every door says so, and nothing is signed; the last test of this file."""
    kept = proved.folder / "before-the-tree.txt"
    kept.write_text(proved.ended("checkpoint").out)
    with psycopg.connect(proved.database_url) as conn:
        conn.execute("UPDATE tree_tiles SET hashes = hashes || hashes WHERE level = 0")
        conn.execute("UPDATE tree_tiles SET hashes = substr(hashes, 33)")
    for path in ("/v1/proof/inclusion/2", "/audit/proofs/2"):
        answer = proved.api.get(path)
        assert (answer.status_code, "was altered" in answer.text) == (404, True), path
    part = proved.run("export", str(proved.folder / "part.zip"), "--client", HARBOR)
    assert (part.code, "It proves no part of the log" in part.err) == (1, True)
    assert not (proved.folder / "part.zip").exists()
    assert proved.run("checkpoint", "--verify", str(kept)).code == 1
    assert proved.run("proof", "2").code == 1
    refused = proved.run("prove", "--once")
    assert (refused.code, "TreeDifferent" in refused.err) == (1, True)
