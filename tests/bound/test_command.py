"""`leadflow plan` puts together what the flow, the operator and the snapshot say."""

from pathlib import Path

from tests.cli.session import leadflow

FLOW = """leadflow 1
agent mine: openai { model: "my-model"  base_url: "http://localhost:8000/v1"  max_tokens: 10 }
flow main(xs: list[int] @length(0, 9)) {
  @concurrency(9)
  step all = for x in xs {
    @timeout(10s)
    step a = mine.ask("x")
    yield a
  }
}
"""


def head(folder: Path, *words: str) -> list[str]:
    """The lines about the bound of the flow."""
    said = leadflow("plan", "main.flow", *words, folder=folder)
    assert (0, "") == (said.code, said.stderr)
    return said.stdout.split("effect: read\n")[1].split("  level 1")[0].splitlines()


def test_the_operator_says_prices_and_places(tmp_path: Path) -> None:
    """`leadflow.toml` prices a model that nobody else does, and says how much a run does at once."""
    (tmp_path / "main.flow").write_text(FLOW)
    unpriced = head(tmp_path)
    assert "  at most 819 tokens, 9 calls, 15s; no bound on money" == unpriced[0]
    assert unpriced[1].startswith(
        "    money: main.flow:2:7: the price of model 'my-model' of agent 'mine' is not known;"
    )
    (tmp_path / "leadflow.toml").write_text('[prices."my-model"]\ninput = 1\noutput = 2.5\n[run]\nconcurrency = 3\n')
    assert [
        "  at most $0.000954 for models, 819 tokens, 9 calls, 1m",
        "  price of my-model: $1.00 in, $2.50 out for a million tokens (leadflow.toml)",
    ] == head(tmp_path)
    assert "  at most $0.000212 for models, 182 tokens, 2 calls, 15s" == head(tmp_path, "-i", "xs=[1, 2]")[0]


def test_wrong_settings_are_told(tmp_path: Path) -> None:
    """A price that is none is refused as every wrong setting."""
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "leadflow.toml").write_text("[prices.m]\ninput = -1\n")
    said = leadflow("plan", "main.flow", folder=tmp_path)
    assert (2, "error: leadflow.toml:2: prices.m.input: write 0 or more\n") == (said.code, said.stderr)
