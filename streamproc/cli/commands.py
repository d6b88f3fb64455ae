"""The subcommands by name, each imported when it is called; the sentence that a list shows of it stands here."""

from typing import Any

from cyclopts import App

from streamproc import __version__

__all__ = ["build_app"]


class _Program(App):
    """Describes a command by its whole docstring, which tells exit codes; cyclopts repeats the list's sentence."""

    def help_print(self, tokens: Any = None, **options: Any) -> None:
        _, apps, _ = self.parse_commands(tokens)
        if apps[-1].default_command is not None:
            apps[-1].help = None
        super().help_print(tokens, **options)


def build_app() -> App:
    """All commands."""
    app = _Program(
        name="streamproc",
        help="LLM calls as one more Kafka stream: requests in, tokens, results and a trustworthy bill out.",
        version=__version__,
        result_action="return_value",
    )
    topics = App(name="topics", help="Create the topics, or check that they fit.")
    topics.command("streamproc.cli.topics:create", name="create", help="Create the topics that are missing.")
    topics.command("streamproc.cli.topics:check", name="check", help="Say what is missing or misaligned.")
    config = App(name="config", help="Check or show the settings.")
    config.command("streamproc.cli.config:check", name="check", help="Say what is wrong in the settings.")
    config.command("streamproc.cli.config:show", name="show", help="Show every setting as it is in force.")
    app.command(
        "streamproc.cli.demo:demo", name="demo", help="See it work: broker, provider and worker in one process."
    )
    app.command("streamproc.cli.run:run", name="run", help="Run a worker until SIGTERM or Ctrl-C.")
    app.command("streamproc.cli.submit:submit", name="submit", help="Publish requests from a JSONL file.")
    app.command("streamproc.cli.follow:follow", name="follow", help="Show the streams of runs.")
    app.command("streamproc.cli.cancel:cancel", name="cancel", help="End runs that nobody needs any more.")
    dead = App(name="dead", help="Look at dead letters, and replay them.")
    dead.command("streamproc.cli.dead:list_letters", name="list", help="List dead letters, the newest last.")
    dead.command("streamproc.cli.dead:show", name="show", help="Show one dead letter with its original bytes.")
    dead.command("streamproc.cli.dead_replay:replay", name="replay", help="Publish originals again, as new runs.")
    offsets = App(name="offsets", help="See where the group stands, and set it.")
    offsets.command("streamproc.cli.offsets:show", name="show", help="Show offsets, lag and what stands beside them.")
    offsets.command("streamproc.cli.offsets_reset:reset", name="reset", help="Set committed offsets anew.")
    providers = App(name="providers", help="See whether the providers answer.")
    providers.command(
        "streamproc.cli.providers:check", name="check", help="Make one tiny call to each provider, and say what came."
    )
    billing = App(name="billing", help="The bill: fill it from the usage topic, report it, check it.")
    billing.command("streamproc.cli.billing:run", name="run", help="Put usage lines on the bill, each once.")
    billing.command("streamproc.cli.billing_report:report", name="report", help="Show what was used, and its cost.")
    billing.command("streamproc.cli.billing_verify:verify", name="verify", help="Hold the bill against the topic.")
    billing.command(
        "streamproc.cli.billing_reconcile:reconcile",
        name="reconcile",
        help="Hold the bill against a provider's export.",
    )
    cache = App(name="cache", help="See what the shared store of answers holds, and empty it.")
    cache.command("streamproc.cli.cache:stats", name="stats", help="Show entries and bytes for each tenant.")
    cache.command("streamproc.cli.cache:purge", name="purge", help="Delete a tenant's answers, or everybody's.")
    app.command(billing)
    budget = App(name="budget", help="See what was spent of the budgets, and set, stop and resume them.")
    budget.command("streamproc.cli.budget_show:show", name="show", help="Show what was spent of each budget.")
    budget.command("streamproc.cli.budget:set_cap", name="set", help="Set a cap, over what the settings say.")
    budget.command("streamproc.cli.budget:stop", name="stop", help="Refuse new calls of a scope.")
    budget.command("streamproc.cli.budget:resume", name="resume", help="Let calls of a scope begin again.")
    prices = App(name="prices", help="See what models cost, and what would have been billed by these prices.")
    prices.command("streamproc.cli.prices:show", name="show", help="Show prices by model, tier and size.")
    prices.command(
        "streamproc.cli.prices:again", name="again", help="Price old usage lines again, and show the difference."
    )
    app.command("streamproc.cli.tokens:tokens", name="tokens", help="Count requests, and say what they cost at most.")
    app.command(
        "streamproc.cli.estimate:estimate", name="estimate", help="Say what requests of a file would cost as a service."
    )
    app.command(topics)
    app.command(budget)
    app.command(providers)
    app.command(prices)
    app.command(offsets)
    app.command(dead)
    app.command(cache)
    app.command(config)
    app.command(
        "streamproc.cli.mock_provider:mock_provider",
        name="mock-provider",
        help="Serve a mock provider that counts what it served.",
    )
    return app
