"""Commands that list, show and send again what the intake could not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.inbound.commands.opening import SAID_NO, AsJson, fail, kafka_told, settings_of
from adapters.inbound.commands.printing import show

if TYPE_CHECKING:
    from adapters.inbound.dead_letters import DeadLetters

dead_letters = typer.Typer(
    help="What came over Kafka and had nobody to answer: list, show, send again.",
    no_args_is_help=True,
)
LetterId = Annotated[str, typer.Argument(metavar="ID", help="As in “ofrecord dead-letters list”.")]


@dead_letters.command("list")
def list_dead_letters(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that were sent again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first: reason, where it came from, since when.

    \b
    ofrecord dead-letters list
    """
    with _opened(context) as letters:
        shown = [each for each in letters.letters() if everything or not each.sent_again]
    show(shown, as_json)


@dead_letters.command("show")
def show_dead_letter(
    context: typer.Context,
    letter_id: LetterId,
    value: Annotated[
        bool, typer.Option("--value", help="Only what it says, as it came: personal data.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter and what its reason means.

    \b
    ofrecord dead-letters show 0-17
    ofrecord dead-letters show 0-17 --value > value.json
    """
    with _opened(context) as letters:
        if value:
            typer.echo(letters.value(letter_id), nl=False)
        else:
            show(letters.show(letter_id), as_json)


@dead_letters.command("resend")
def resend_dead_letters(
    context: typer.Context,
    letter_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID…", help="As in “ofrecord dead-letters list”."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are listed.")] = False,
) -> None:
    """Send dead letters again, as they came, when the reason is mended. Twice is safe.

    \b
    ofrecord dead-letters resend 0-17 0-18
    ofrecord dead-letters resend --all
    """
    if bool(letter_ids) == everything:
        raise typer.BadParameter("Name dead letters, or say --all.")
    with _opened(context) as letters:
        chosen = letter_ids or [each.id for each in letters.letters() if not each.sent_again]
        refused = [letter_id for letter_id in chosen if not _sent_again(letters, letter_id)]
    if refused:
        raise typer.Exit(SAID_NO)


def _sent_again(letters: DeadLetters, letter_id: str) -> bool:
    """Send one again and say so; or say why not."""
    from adapters.inbound.dead_letters import CannotSendAgain  # noqa: PLC0415  # as below

    try:
        letters.resend(letter_id)
    except CannotSendAgain as why:
        typer.echo(f"{letter_id} cannot be sent again. {why}", err=True)
        return False
    typer.echo(f"{letter_id} is sent again.")
    return True


@contextmanager
def _opened(context: typer.Context) -> Iterator[DeadLetters]:
    """The dead letters at the Kafka of the settings; failures end the command with a sentence."""
    # Kafka's client takes half a second to import, which only what uses it should wait for.
    from adapters.inbound.dead_letters import DeadLetters, NoSuchLetter  # noqa: PLC0415  # as said

    settings = settings_of(context)
    with kafka_told(settings):
        try:
            yield DeadLetters(settings.kafka_servers)
        except NoSuchLetter as letter_id:
            raise fail(f"There is no dead letter {letter_id}.", SAID_NO) from None
