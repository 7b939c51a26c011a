"""`leadflow.toml` and the environment."""

from decimal import Decimal
from pathlib import Path

import pytest

from leadflow.files import find_root
from leadflow.settings import Settings, SettingsError, load_project, program_env, read_secrets


def test_the_root_is_where_the_settings_lie(tmp_path: Path) -> None:
    """The nearest folder above the flow with a leadflow.toml; without one, the flow's own folder."""
    flow = tmp_path / "flows" / "deep" / "main.flow"
    flow.parent.mkdir(parents=True)
    assert find_root(flow) == flow.parent
    (tmp_path / "leadflow.toml").write_text("")
    assert find_root(flow) == tmp_path


def test_settings_are_read(tmp_path: Path) -> None:
    """Every table has its defaults."""
    (tmp_path / "leadflow.toml").write_text('[run]\nconcurrency = 7\n[commands]\nlint = ["ruff", "check"]\n')
    project = load_project(tmp_path / "main.flow")
    assert project.settings.run.concurrency == 7
    assert project.settings.commands == {"lint": ("ruff", "check")}
    assert load_project(tmp_path.parent / "other.flow").settings == Settings()


def test_prices_are_exact(tmp_path: Path) -> None:
    """Dollars for a million tokens, as they are written, under the model's own name."""
    (tmp_path / "leadflow.toml").write_text('[prices."acme/m-1.5"]\ninput = 0.1\noutput = 2\n[prices.v]\ninput = 0\n')
    prices = load_project(tmp_path / "main.flow").settings.prices
    assert {"acme/m-1.5": (Decimal("0.1"), 2), "v": (0, None)} == {
        name: (price.input, price.output) for name, price in prices.items()
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[run", "is no TOML"),
        ("[run]\nconcurency = 7", "run.concurency: there is no such setting; did you mean 'concurrency'?"),
        ("[rn]\n", "rn: there is no such setting; did you mean 'run'?"),
        ("[zebra]\n", "zebra: there is no such setting; there are run, process, commands, mcp, prices"),
        ("[run]\nconcurrency = 0", "run.concurrency: write 1 or more"),
        ("[run]\nconcurrency = 1_000_000", "run.concurrency: write 100000 or less"),
        ("[run]\nconcurrency = 1.5", "run.concurrency: write a whole number"),
        ("[run]\nconcurrency = 'x'", "run.concurrency: write a whole number"),
        ("run = 7", "run: write a table, [run]"),
        ("commands = 7", "commands: write a table, [commands]"),
        ("[commands]\nlint = 'ruff'", 'commands.lint: write a list of texts, as in ["ls", "-l"]'),
        ("[commands]\nlint = [1]", "commands.lint.0: write a text"),
        ("[prices.m]\ninput = -1", "prices.m.input: write 0 or more"),
        ("[prices.m]\ninput = '$1'", "prices.m.input: write dollars for a million tokens, as in 0.25"),
        ("[prices.m]\ninput = 0.00000025", "prices.m.input: write dollars for a million tokens, as in 0.25"),
        ("[prices.m]\ninput = nan", "prices.m.input: write dollars for a million tokens, as in 0.25"),
        ("[prices.m]\noutput = 1", "prices.m.input: write this setting too"),
        ("[prices.m]\ninput = 1\noutptu = 2", "prices.m.outptu: there is no such setting; did you mean 'output'?"),
        ("prices = 7", "prices: write a table, [prices]"),
    ],
)
def test_bad_settings_say_where(tmp_path: Path, text: str, said: str) -> None:
    """The message names the file and the setting."""
    (tmp_path / "leadflow.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"leadflow\.toml") as problem:
        load_project(tmp_path / "main.flow")
    assert said in str(problem.value)


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable counts as missing."""
    monkeypatch.setenv("LF_KEY", "k")
    monkeypatch.setenv("LF_EMPTY", "")
    assert read_secrets(("LF_KEY", "LF_EMPTY", "LF_NONE")) == ({"LF_KEY": "k"}, ("LF_EMPTY", "LF_NONE"))


def test_programs_do_not_inherit_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program sees only a few harmless variables and those the operator names."""
    monkeypatch.setenv("LF_KEY", "k")
    monkeypatch.setenv("LF_SHOWN", "s")
    settings = Settings.model_validate({"process": {"pass_env": ["LF_SHOWN"]}})
    env = program_env(settings)
    assert "LF_KEY" not in env
    assert env["LF_SHOWN"] == "s"
    assert "PATH" in env
