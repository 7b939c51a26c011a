"""`leadflow.toml` and the environment."""

from decimal import Decimal
from pathlib import Path

import pytest

from leadflow.files import find_root
from leadflow.plan.kinds import TAKES
from leadflow.settings import Settings, SettingsError, TakesSettings, load_project, own_takes, program_env, read_secrets


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


def test_the_words_of_takes_are_those_of_agents(tmp_path: Path) -> None:
    """What is said of a model here is what an agent may say; what is not said is not there."""
    assert set(TakesSettings.model_fields) == {field.name for field in TAKES.fields}
    (tmp_path / "leadflow.toml").write_text('[takes."acme/m-1.5"]\nschemas = false\nlimit = "max_tokens"\n')
    said = own_takes(load_project(tmp_path / "main.flow").settings)
    assert {"acme/m-1.5": {"schemas": False, "limit": "max_tokens"}} == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[run", "is no TOML"),
        ("[run]\nconcurency = 7", "run.concurency: there is no such setting; did you mean 'concurrency'?"),
        ("[rn]\n", "rn: there is no such setting; did you mean 'run'?"),
        ("[zebra]\n", "zebra: there is no such setting; there are run, journal, process, commands, mcp, prices, takes"),
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
        ("prices.gpt-5 = 7", "prices.gpt-5: write a table, [prices.gpt-5]"),
        ('prices."a/b.1" = 7', 'prices.a/b.1: write a table, [prices."a/b.1"]'),
        ("mcp.files = 7", "mcp.files: write a table, [mcp.files]"),
        ("[takes.m]\nschemas = 'no'", "leadflow.toml:2: takes.m.schemas: write true or false"),
        ("[takes.m]\nlimit = 'tokens'", "takes.m.limit: write 'max_tokens' or 'max_completion_tokens'"),
        ("[takes.m]\nschema = false", "takes.m.schema: there is no such setting; did you mean 'schemas'?"),
        ("[mcp.a]\n", 'mcp.a: write either `command`, as in ["mcp-server-time"], or `url`'),
        ("[mcp.a]\ncommand = ['x']\nurl = 'http://h'", "mcp.a: write either `command`"),
        ("[mcp.a]\ncommand = 'npx -y x'", 'mcp.a.command: write a list of texts, as in ["ls", "-l"]'),
        ("[mcp.a]\ncommand = ['npx -y x']", "mcp.a: `command` begins with a program's name and no shell reads it"),
        ("[mcp.a]\ncommand = ['x;rm']", "mcp.a: `command` begins with a program's name and no shell reads it"),
        ("[mcp.a]\ncommand = ['$HOME/x']", "mcp.a: `command` begins with a program's name and no shell reads it"),
        ("[mcp.a]\ncommand = ['']", "mcp.a: `command` begins with a program's name"),
        ("[mcp.a]\ncommand = ['./x']", "mcp.a: the program of `command` is a name, or a path from '/'"),
        ("[mcp.a]\ncommand = ['bin/x']", "mcp.a: the program of `command` is a name, or a path from '/'"),
        ("[mcp.a]\ncommand = ['../x']", "mcp.a: the program of `command` is a name, or a path from '/'"),
        ('[mcp.a]\ncommand = ["x", "a\\u0000b"]', "mcp.a: `command` holds a NUL"),
        ("[mcp.a]\nurl = 'file:///etc/passwd'", "mcp.a: its `url` begins with http:// or https://"),
        ("[mcp.a]\nurl = 'javascript:alert(1)'", "mcp.a: its `url` begins with http:// or https://"),
        ("[mcp.a]\nurl = 'https://a:b@h/'", "mcp.a: write credentials as `headers`, not into the `url`"),
        ("[mcp.a]\nurl = 'https://h/'\nenv = ['A']", "mcp.a: `env` is for programs; write `headers` for an address"),
        ("[mcp.a]\ncommand = ['x']\nheaders = {A = 'b'}", "mcp.a: `headers` are for addresses; write `env`"),
        ("[mcp.a]\ncommand = ['x']\nenv = ['A=b']", "mcp.a.env.0: write the name of a variable"),
        ("[mcp.a]\ncomand = ['x']", "mcp.a.comand: there is no such setting; did you mean 'command'?"),
        ("[mcp.a]\ncommand = ['x']\nstart = 0", "mcp.a.start: write more than 0"),
        ("[mcp.a-b]\ncommand = ['x']", "mcp.a-b: write a name of the language: letters, digits and _"),
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


def test_settings_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A folder of that name is no file without settings: nobody runs under defaults that were not meant."""
    (tmp_path / "leadflow.toml").mkdir()
    with pytest.raises(SettingsError, match=r"^leadflow\.toml cannot be read: Is a directory$"):
        load_project(tmp_path / "main.flow")
