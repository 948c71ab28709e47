"""The commands that train on this machine, and talk to what came of it."""

from pathlib import Path
from typing import Annotated

import typer

from store.cli import JsonOption, WorkspaceOption


def trainer(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)] = 8766,
    folder: Annotated[
        Path | None, typer.Option(help="Where files, jobs and models are kept; the workspace's own by default.")
    ] = None,
    base: Annotated[
        list[str] | None,
        typer.Option(help="A model of the hub to offer, fetched if it is not here; may be given again."),
    ] = None,
    rehearse: Annotated[
        list[str] | None,
        typer.Option(help="A failure to rehearse, or all; may be given again. See docs/tasks/train_locally.md."),
    ] = None,
    idle: Annotated[
        float, typer.Option(help="End after so many seconds without a job or a call; 0: never.", min=0)
    ] = 0,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Serve OpenAI's fine-tuning API on this machine, and train for real: files, jobs, events, models, chat.

    Whoever has the key that is printed can drive it with OpenAI's SDK. The key is read from CHATMILL_TRAINER_KEY where
    that is set. It listens on 127.0.0.1 alone, and keeps everything in one private folder; a job survives a kill.
    """
    from export.training.libraries import check_libraries
    from service.trainer.serving import Start, serve_trainer
    from store.console import Console

    check_libraries()
    place, token = _place(folder, workspace)
    start = Start(place, port, token, tuple(base or ()), tuple(rehearse or ()), idle)
    serve_trainer(start, Console(json=json))


def _place(folder: Path | None, workspace: Path | None) -> tuple[Path, str]:
    """Give the folder, and the key: that of a workspace's trainer is made of the workspace's key, and kept nowhere."""
    if folder is not None:
        return folder.resolve(), ""
    from export.submit.local_trainer import folder_of, token_of
    from store.cli import open_workspace

    found = open_workspace(workspace)
    return folder_of(found), token_of(found)


def chat(
    model: Annotated[str, typer.Argument(help="A model's name, or a job's id, or latest, for what it became.")] = (
        "latest"
    ),
    other: Annotated[
        str | None, typer.Option("--with", help="A second model, or job, asked the same: both stand side by side.")
    ] = None,
    once: Annotated[str | None, typer.Option(help="Ask this, and leave.")] = None,
    system: Annotated[
        str | None, typer.Option(help="The system prompt; export.system_prompt by default, empty for none.")
    ] = None,
    temperature: Annotated[float, typer.Option(help="0 gives the likeliest words.", min=0, max=2)] = 0.7,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same answer.")] = None,
    most: Annotated[int | None, typer.Option("--max-tokens", help="Tokens of an answer at most.", min=1)] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Talk to a model that was trained on this machine, or to its base; two side by side with --with.

    The trainer is started if it is not running. Without a terminal the question is read from standard input. The base
    of jobs without weights of their own is chatmill-tiny.
    """
    from export.formats.openai_chat import fill_prompt
    from export.submit.local_trainer import reach_trainer, release
    from service.trainer.talking import Talk, model_of, talk
    from store.cli import open_workspace
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        models = [model_of(store, name) for name in (model, other) if name]
    prompt = fill_prompt(found.settings.export.system_prompt, {}) if system is None else system
    reached = reach_trainer(found)
    try:
        talk(Talk(reached, models, prompt, temperature, seed, most), once, console)
    finally:
        release(reached)
