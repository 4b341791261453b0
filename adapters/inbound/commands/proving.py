"""Commands that prove the log, show its checkpoints, and check them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from adapters.bootstrap import open_database, open_proving, signing_keys
from adapters.inbound.commands.opening import (
    NOT_UNDERSTOOD,
    SAID_NO,
    AsJson,
    fail,
    looking,
    settings_of,
    told_plainly,
    told_to_end,
)
from adapters.inbound.commands.printing import show, write_document
from adapters.inbound.proofs import NotProven, checkpoint_of, consistency_of, proof_of_event
from adapters.inbound.watching import watched_prover
from adapters.outbound.logs import configure_logs
from adapters.outbound.published_checkpoints import CheckpointFolder
from adapters.runtime import tune_interpreter
from adapters.services import Services
from adapters.settings import Settings
from processors.merkle import TreeDamaged, root_of
from processors.proof_ports import KeysUnusable
from processors.proving import Prover, ProverRefuses, root_of_log
from schemas.notes import (
    BadNote,
    NotSigned,
    TreeHead,
    VerifierKey,
    parse_vkey,
    verify_checkpoint,
    witness_request,
)

_FILE_BYTES_MAX = 1_000_000

Vkeys = Annotated[
    list[str] | None,
    typer.Option(
        "--vkey", metavar="VKEY", help="A key to trust, as `proof-key list` shows it [our own]."
    ),
]


@contextmanager
def proofs_told() -> Iterator[None]:
    """Turn what is wrong with keys, tree or checkpoints into a sentence and an exit code."""
    try:
        yield
    except (KeysUnusable, NotProven, NotSigned) as error:
        raise fail(str(error), SAID_NO) from None
    except BadNote as error:
        raise fail(str(error), NOT_UNDERSTOOD) from None
    except TreeDamaged as error:
        raise fail(f"The stored tree is damaged or was altered: {error}.", SAID_NO) from None
    except ProverRefuses as error:
        why = "The tree in the database is not the one that was signed last"
        if str(error) == "SignedByOthers":
            why = "None of these keys signed the newest checkpoint. Put those back that did; else"
        raise fail(
            f"Nothing is signed ({error}). {why}: it was restored from a backup, or rewritten."
            " README says what to do.",
            SAID_NO,
        ) from None


def prove(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Prove what is there, then end.")] = False,
) -> None:
    """Sign checkpoints of the log as it grows, until Ctrl-C. `ofrecord serve` does so by itself.

    A second one stands by: whichever is quicker signs.

    \b
    ofrecord --database-url postgresql://me@db/ofrecord prove
    ofrecord prove --once
    """
    settings = settings_of(context)
    configure_logs(settings.log_format, "warning" if once else settings.log_level)
    tune_interpreter()
    with (
        told_to_end() as stop,
        told_plainly(),
        proofs_told(),
        open_database(settings) as database,
        open_proving(settings, database.url) as proving,
    ):
        if once:
            _prove_once(proving.prover)
            return
        with watched_prover(settings, database.url, proving):
            typer.echo(f"Signs checkpoints of {settings.proof_origin}. Ctrl-C ends it.")
            proving.prover.run(stop)
    typer.echo("The prover has ended.")


def _prove_once(prover: Prover) -> None:
    prover.start()
    while prover.step():
        pass
    prover.publish()
    typer.echo(f"{prover.size} events are proven.")


class ShownCheckpoint(msgspec.Struct):
    """A checkpoint, in a list or for programs."""

    size: int
    root: str
    made_at: datetime
    note: str | None = None


def checkpoint(
    context: typer.Context,
    size: Annotated[
        int | None, typer.Option(min=1, help="The one of this size [the newest].")
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Does the log begin with this earlier checkpoint?"),
    ] = None,
    vkey: Vkeys = None,
    from_events: Annotated[
        bool,
        typer.Option("--from-events", help="With --verify: read every event, not only the tree."),
    ] = False,
    for_witness: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="SIZE",
            help="What a witness is sent (add-checkpoint) that has the one of this size.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest signed checkpoint of the log, or check an earlier one against the log.

    \b
    ofrecord checkpoint > march.txt
    ofrecord checkpoint --verify march.txt --from-events
    ofrecord checkpoint --size 2403 --json
    ofrecord checkpoint --for-witness 2000

    Exit code of --verify: 0 the log begins with it, 1 it does not, 2 it is no checkpoint.
    """
    if verify is not None:
        head, signed = _trusted(settings_of(context), verify, vkey)
        _verify(context, head, signed, from_events=from_events)
        return
    with looking(context) as application, proofs_told():
        store = application.services.proofs
        found = checkpoint_of(store, size)
        if for_witness is not None:
            proof = consistency_of(store, for_witness, found.size)
            typer.echo(witness_request(for_witness, proof.hashes, found.note), nl=False)
        elif as_json:
            shown = ShownCheckpoint(found.size, found.root.hex(), found.made_at, found.note)
            show(shown, as_json)
        else:
            typer.echo(found.note, nl=False)


def _verify(
    context: typer.Context, head: TreeHead, signed: list[VerifierKey], *, from_events: bool
) -> None:
    with looking(context) as application, proofs_told():
        _require_begins(application.services, head, from_events=from_events)
    typer.echo(
        f"The log begins with the {head.size} events of this checkpoint, signed by"
        f" {', '.join(key.text() for key in signed)}."
    )


def _trusted(
    settings: Settings, file: Path, vkeys: list[str] | None
) -> tuple[TreeHead, list[VerifierKey]]:
    """What a file's checkpoint says, and who of those that are trusted has signed it."""
    with proofs_told():
        if vkeys:
            keys = [parse_vkey(vkey) for vkey in vkeys]
        else:
            keys = list(signing_keys(settings).verifiers())
        head, signed = verify_checkpoint(_read(file), settings.proof_origin, keys)
    return head, list(signed)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_FILE_BYTES_MAX).decode()
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror}.", NOT_UNDERSTOOD) from None
    except UnicodeDecodeError:
        raise fail(f"{file} is not a text.", NOT_UNDERSTOOD) from None


def _require_begins(services: Services, head: TreeHead, *, from_events: bool) -> None:
    """Fail unless the log's tree, and if asked its events, begin with those of a checkpoint."""
    there = services.log.head()
    if there < head.size:
        raise fail(
            f"The log has {there} events, fewer than the {head.size} of this checkpoint.", SAID_NO
        )
    proven = services.proofs.newest()
    if proven is None or proven.size < head.size:
        raise NotProven(f"The log is not proven up to {head.size} yet: `ofrecord prove` does that.")
    if root_of(services.proofs, head.size) != head.root:
        raise fail(
            f"The tree is another one: it does not begin with the {head.size} events of this"
            " checkpoint.",
            SAID_NO,
        )
    if from_events and root_of_log(services.log, head.size) != head.root:
        raise fail(
            f"Of the first {head.size} events, or of their receipts, some are not as they were"
            " signed: `ofrecord export` and the verifier say which.",
            SAID_NO,
        )


def checkpoints(
    context: typer.Context,
    publish: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write the newest one there, named by its size."),
    ] = None,
    after: Annotated[int, typer.Option(min=0, help="Only those of larger trees.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the checkpoints that are kept, or publish the newest: all of a day, then one an hour.

    \b
    ofrecord checkpoints --after 2000
    ofrecord checkpoints --publish /mnt/bucket/ofrecord
    """
    with looking(context) as application, proofs_told():
        store = application.services.proofs
        if publish is None:
            kept = store.checkpoints(after, limit)
            show(
                [ShownCheckpoint(each.size, each.root.hex(), each.made_at) for each in kept],
                as_json,
            )
            return
        newest, folder = checkpoint_of(store, None), CheckpointFolder(publish)
        try:
            folder.publish(newest)
        except FileExistsError:
            raise fail(
                f"{folder.path_of(newest.size)} is another checkpoint of this size: it was not"
                " replaced. Find out which of the two is right.",
                SAID_NO,
            ) from None
        except OSError as error:
            raise fail(f"{publish} cannot be written to: {error.strerror}.", SAID_NO) from None
        typer.echo(folder.path_of(newest.size))


def proof(
    context: typer.Context,
    position: Annotated[int, typer.Argument(min=1, help="Of an event in the log.")],
    size: Annotated[
        int | None, typer.Option(min=1, help="In the checkpoint of this size [the newest].")
    ] = None,
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", help="Write it to a file [the screen].")
    ] = "-",
) -> None:
    """Prove that an event is in the log as it was signed (a C2SP tlog-proof).

    \b
    ofrecord proof 2403 --out 2403.tlog-proof
    """
    with looking(context) as application, proofs_told():
        services = application.services
        text = proof_of_event(services.log, services.proofs, position, size)
    write_document(text.encode(), out)
