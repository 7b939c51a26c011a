"""The mutation score says what it should: which mistakes are made, that they are made, and what notices them."""

import ast
import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.gate.mutants import EQUIVALENTS, ROOM, ROOT, Baseline, Mutant, all_mutants, drawn, equivalents, score
from tests.gate.mutations import Mutation, mutated, mutations
from tests.gate.warm import function_at, functions, made


def keys(text: str) -> list[str]:
    """The mutations of a text."""
    return [mutation.key for mutation, _ in mutations(ast.parse(text))]


def said_by(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What a program says in a process of its own: it changes what is loaded."""
    words = [sys.executable, "-c", code, *options]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a < b", ["a < b -> a <= b", "a < b -> a >= b"]),
        ("a is None", ["a is None -> a is not None"]),
        ("a and b", ["a and b -> a or b"]),
        ("not a", ["not a -> a"]),
        ("a + b", ["a + b -> a - b"]),
        ("a * 2", ["a * 2 -> a / 2", "2 -> 3"]),
        ("True", ["True -> False"]),
        ("min(a, b)", ["min(a, b) -> max(a, b)"]),
        ("x if a else y", ["x if a else y -> x", "x if a else y -> y", "a -> not a"]),
        ("Made(a, b=c)", ["a -> None for a", "c -> None for c"]),
        ("'text' + a", []),
        ("f'{a + 1}'", []),
    ],
)
def test_what_an_expression_becomes(text: str, found: list[str]) -> None:
    """Each kind of mistake is made where it can be; texts are left alone."""
    assert [f": {each}" for each in found] == keys(f"x = {text}")


def test_which_statements_are_left_out() -> None:
    """What has an effect is left out; what only gives a local name its value, or says a type, is not."""
    body = '"""Doc."""\nx = a\nself.x = x\nself.y += a\nb()\nraise E\n'
    text = "def f(a: int = 1) -> int:\n" + "".join(f"    {line}\n" for line in body.splitlines())
    assert ["1 -> 2", "self.x = x -> nothing", "self.y += a -> nothing", "b() -> nothing", "raise E -> nothing"] == [
        key.removeprefix("f: ").removeprefix(": ") for key in keys(text)
    ]


def test_a_mutant_differs_in_one_place() -> None:
    """The mutation of a number is made, and no other."""
    text = "def f(a, b):\n    if a < b and a > 1:\n        c()\n"
    texts = [ast.unparse(mutated(text, number)) for number in range(len(keys(text)))]
    assert len(set(texts)) == len(texts)
    assert ast.unparse(ast.parse(text)) not in texts
    assert "def f(a, b):\n    if a < b or a > 1:\n        c()" == texts[0]
    with pytest.raises(IndexError):
        mutated(text, len(texts))


def test_every_file_of_the_room_is_mutated() -> None:
    """There are mutations of each file, and each of them compiles."""
    files = sorted(path.stem for path in ROOM.glob("*.py") if path.stem != "__init__")
    found = all_mutants(files)
    assert files == sorted({mutant.file for mutant in found})
    text = (ROOM / "shared.py").read_text("utf-8")
    for mutant in found:
        if mutant.file == "shared":
            compile(mutated(text, mutant.number), "shared.py", "exec")


def test_a_mutant_is_tried_by_those_who_pass_it() -> None:
    """The quickest test goes first; what stands in no function is tried by all that use the file, and by what stands
    beside these: who reads a table passes no line of it."""
    known = Baseline({"slow": 2.0, "quick": 1.0, "other": 0.5, "slow::table": 3.0, "far": 0.1})
    known.lines |= {"a:3": {"slow", "quick"}, "a": {"slow", "quick", "other"}}
    inside, outside = Mutation(3, "f", "1", "2"), Mutation(3, "Record", "1", "2")
    assert ["quick", "slow"] == known.tests(Mutant("a", 0, inside))
    assert ["other", "quick", "slow", "slow::table"] == known.tests(Mutant("a", 0, outside, in_function=False))
    assert [] == known.tests(Mutant("b", 0, inside))


def test_the_test_files_that_are_about_a_file_come_first() -> None:
    """Those of which most of what they pass is in that file; then quick ones of the others; at last all the rest."""
    known = Baseline(
        {"t/one.py::a": 1.0, "t/two.py::b": 0.5, "t/three.py::c": 7.0, "t/four.py::d": 0.1, "t/five.py::e": 2}
    )
    every = set(known.seconds)
    known.lines |= {"a:1": every, "a": every, "b:1": {"t/four.py::d", "t/five.py::e"}}
    mutant = Mutant("a", 0, Mutation(1, "f", "1", "2"))
    assert [["t/two.py::b", "t/one.py::a", "t/three.py::c"], ["t/four.py::d", "t/five.py::e"]] == known.rounds(mutant)
    known.seconds["t/five.py::e"] = 100
    assert [["t/four.py::d"], ["t/five.py::e"]] == known.rounds(mutant)[1:]
    assert [] == known.rounds(Mutant("b", 0, Mutation(9, "f", "1", "2")))


def test_a_sample_has_its_share_of_each_file() -> None:
    """Drawn from a seed; no mutant twice, and never more than there are."""
    mutation = Mutation(1, "f", "1", "2")
    every = [
        Mutant(file, number, mutation) for file, count in (("a", 60), ("b", 30), ("c", 10)) for number in range(count)
    ]
    for seed in range(5):
        sample = drawn(every, 10, seed)
        assert {"a": 6, "b": 3, "c": 1} == Counter(mutant.file for mutant in sample)
        assert sample == drawn(every, 10, seed)
        assert 10 == len(set(sample))
    assert drawn(every, 10, 1) != drawn(every, 10, 2)
    assert set(every) == set(drawn(every, 500, 1))


def test_a_test_that_takes_far_longer_than_before_is_ended(tmp_path: Path) -> None:
    """After a second or so of the processor, and the process with it."""
    (tmp_path / "test_endless.py").write_text("def test_endless():\n    while True: pass\n", "utf-8")
    code = (
        "import pytest, sys\n"
        "from tests.gate.mutants import _Noting\n"
        "options = ['-q', '-p', 'no:cacheprovider', '--rootdir', sys.argv[1], sys.argv[1]]\n"
        "pytest.main(options, plugins=[_Noting({'test_endless.py::test_endless': 0.1})])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, check=False, cwd=ROOT, timeout=120
    )
    assert -signal.SIGPROF == run.returncode, run.stdout


TEXT = """
LIMIT = 1
class Made:
    limit: int = 2
    def method(self, count=3): return count
    @property
    def size(self): return 4
    @staticmethod
    def still(): return 5
def outer():
    def inner(): return 6
    return inner
"""


def test_what_is_code_of_a_function() -> None:
    """Functions by their way from the top; what a module or a class is made of is none."""
    assert {"Made.method", "Made.size", "Made.still", "outer", "outer.inner"} == functions(TEXT)
    module = made(TEXT)
    names = [getattr(function_at(module, path), "__name__", None) for path in sorted(functions(TEXT))]
    assert ["method", "size", "still", "outer", "outer"] == names
    assert (None, None) == (function_at(module, "LIMIT"), function_at(module, "Made"))


def test_a_function_is_given_the_code_of_its_mutant() -> None:
    """In the module that all have loaded: of a budget that gives nothing back, nothing comes back."""
    code = (
        "from tests.gate.mutants import ROOM, all_mutants\n"
        "from tests.gate.warm import patch\n"
        "from leadflow.policies.shared import RetryBudget\n"
        "budget, left = RetryBudget(), RetryBudget().left\n"
        "(found,) = [m for m in all_mutants(['shared']) if m.mutation.function == 'RetryBudget.give_back'\n"
        "            and not m.mutation.after]\n"
        "def again():\n"
        "    budget.take()\n"
        "    budget.give_back()\n"
        "    return left - budget.left\n"
        "first = again()\n"
        "patch(ROOM / 'shared.py', found.mutation.function, found.number)\n"
        "print(first, again())\n"
    )
    run = said_by(code)
    assert "0 1" == run.stdout.strip(), run.stderr


def test_a_function_may_lose_its_super() -> None:
    """It is closed over its class then, and has no use for it."""
    code = (
        "from tests.gate.mutants import ROOM, all_mutants\n"
        "from tests.gate.warm import patch\n"
        "from leadflow.policies.windows import Daily\n"
        "(found,) = [m for m in all_mutants(['windows']) if m.mutation.function == 'Daily.__init__'\n"
        "            and m.mutation.before.startswith('super()') and not m.mutation.after]\n"
        "patch(ROOM / 'windows.py', found.mutation.function, found.number)\n"
        "print(hasattr(Daily(2, None), 'limit'))\n"
    )
    run = said_by(code)
    assert "False" == run.stdout.strip(), run.stderr


def test_the_score_counts_what_can_be_noticed() -> None:
    """Slow ones are noticed, unseen ones are missed, equivalent ones do not count."""
    assert 0.75 == score(Counter(killed=2, slow=1, survived=1, equivalent=5))
    assert 0.5 == score(Counter(killed=1, unseen=1))


def test_what_is_excused_is_there() -> None:
    """Each equivalent mutation has a reason, and is one that is really made."""
    excused = equivalents()
    files = {key.split()[0] for key in excused}
    made = {f"{mutant.file} {mutant.mutation.key}" for mutant in all_mutants(sorted(files))}
    assert [] == [key for key in excused if key not in made]
    assert all(excused.values())
    assert EQUIVALENTS.exists()


def test_the_script_tries_some() -> None:
    """Of a few mutants of the retry budget, by its own test alone, nearly all are noticed; the score is told."""
    command = ["-m", "tests.gate.mutants", "--files", "shared", "--tests", "tests/policies/test_shared.py"]
    run = subprocess.run(
        [sys.executable, *command, "--sample", "4", "--least", "0.25"],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=120,
    )  # fmt: skip
    told = json.loads(run.stdout.splitlines()[-1])
    assert 0 == run.returncode, run.stderr
    assert ("all", 4) == (told["file"], sum(told.get(each, 0) for each in ("killed", "slow", "survived", "unseen")))


def test_what_fails_without_a_mutation_says_nothing() -> None:
    """Tests that fail where mutants are tried would notice each of them: that is an error, not a score."""
    code = (
        "import sys\n"
        "from tests.gate import mutants\n"
        "noted = mutants.baseline\n"
        "mutants.baseline = lambda *given: (open('/dev/null'), noted(*given))[1]  # and nobody closes it\n"
        "sys.exit(mutants.main(sys.argv[1:]))\n"
    )
    options = ["--files", "shared", "--tests", "tests/policies/test_shared.py", "--sample", "2"]
    run = said_by(code, *options)
    assert "tests fail where mutants are tried, without any mutation" in run.stderr
    assert 1 == run.returncode


def test_what_could_not_be_tried_is_named() -> None:
    """It says nothing of the policies, and keeps nobody from hearing of the others; the part fails for it."""
    code = "import sys\nfrom tests.gate import mutants\nmutants.patch = None\nsys.exit(mutants.main(sys.argv[1:]))\n"
    options = ["--files", "shared", "--tests", "tests/policies/test_shared.py", "--sample", "6", "--least", "0"]
    run = said_by(code, *options)
    untried, *_, told = run.stdout.splitlines()
    assert untried.startswith("untried: shared:"), run.stderr
    assert 6 == sum(json.loads(told).get(each, 0) for each in ("untried", "unseen")), told
    assert 1 == run.returncode
