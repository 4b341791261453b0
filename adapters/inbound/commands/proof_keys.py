"""Commands for the keys that sign checkpoints: which there are, another one, one less."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters.bootstrap import signing_keys
from adapters.inbound.commands.opening import SAID_NO, AsJson, fail, looking, settings_of
from adapters.inbound.commands.printing import show
from adapters.inbound.commands.proving import proofs_told
from adapters.inbound.proofs import checkpoint_of
from adapters.outbound.signing_keys import KeyNotKnown
from processors.proof_ports import Checkpoint
from processors.proving import root_of_log
from schemas.notes import TreeHead, checkpoint_text, sign_note

proof_key = typer.Typer(
    help="The keys that sign checkpoints: made, listed, retired.", no_args_is_help=True
)


@proof_key.command("new")
def new_proof_key(context: typer.Context, as_json: AsJson = False) -> None:
    """Make a key. It signs from now on, beside the others: whoever trusts one accepts both.

    \b
    ofrecord proof-key new
    """
    with proofs_told():
        show(signing_keys(settings_of(context)).new(), as_json)


@proof_key.command("list")
def list_proof_keys(context: typer.Context, as_json: AsJson = False) -> None:
    """List the keys that sign, and those that did, as who trusts them needs them (vkey).

    \b
    ofrecord proof-key list --json
    """
    with proofs_told():
        show(signing_keys(settings_of(context)).listed(), as_json)


@proof_key.command("retire")
def retire_proof_key(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(help="As in “ofrecord proof-key list”.")],
) -> None:
    """Destroy a private key. What it signed can be verified for ever.

    \b
    ofrecord proof-key retire 530d903a
    """
    with proofs_told():
        try:
            signing_keys(settings_of(context)).retire(key_id)
        except KeyNotKnown as error:
            raise fail(str(error), SAID_NO) from None
    typer.echo(f"Key {key_id} is retired.")


@proof_key.command("adopt")
def adopt(context: typer.Context) -> None:
    """Begin a new log, with new keys under a new origin, from the tree that the database has.

    After a restore: the keys before have signed events that are no more, and must not go on.

    \b
    OFRECORD_PROOF_ORIGIN=ofrecord.example/log-2 OFRECORD_PROOF_KEYS=keys-2 ofrecord proof-key adopt
    """
    keys = signing_keys(settings_of(context))
    with proofs_told():
        keys.prepare()
        if keys.remembered() is not None:
            raise fail(
                "These keys have signed checkpoints already. A log that was restored goes on under"
                " another OFRECORD_PROOF_ORIGIN, with another OFRECORD_PROOF_KEYS.",
                SAID_NO,
            )
    with looking(context) as application, proofs_told():
        services = application.services
        newest = checkpoint_of(services.proofs, None)
        if root_of_log(services.log, newest.size) != newest.root:
            raise fail("The tree in the database is not the one of its events.", SAID_NO)
        head = TreeHead(keys.origin, newest.size, newest.root)
        note = sign_note(checkpoint_text(head), keys.signers())
        keys.remember(Checkpoint(head.size, head.root, note, services.clock.now()))
    typer.echo(note, nl=False)
