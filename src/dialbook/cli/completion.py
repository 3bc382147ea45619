"""`dialbook completion`: what a shell needs to complete commands, options and the names of profiles."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes dialbook's commands in a shell.

    \b
    Example, in ~/.bashrc:
      eval "$(dialbook completion bash)"
    """
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  # click has all of them
    # Its check of bash's version runs bash, and only warns; the script itself works from 4.4 on.
    click.echo(found(ctx.find_root().command, {}, "dialbook", "_DIALBOOK_COMPLETE").source())
