"""What the parser does with a token that cannot follow: one message, then on with the next statement or declaration.

Knows where statements, declarations and brackets begin and end. What to say is decided in `explain`. A mistake has one
message: what follows from a mistake, or may, is passed over in silence.
"""

from bisect import bisect_left
from dataclasses import dataclass, field

from leadflow.syntax.braces import Braces, column, indent
from leadflow.syntax.explain import explain, hole
from leadflow.syntax.machine import Machine
from leadflow.syntax.repair import Finding, Insert, Instead, Replace, Reread, Search, Skip
from leadflow.syntax.trouble import (
    CLOSERS,
    OPENERS,
    Trouble,
    names_value,
    open_brackets,
    starts_declaration,
    starts_statement,
    trouble,
)

_MOST_MESSAGES = 100
"""After so many the rest of the file is passed over."""

_MOST_MENDED = 1_000

_READ_SO_FAR = "__policy_plus"
"""Several annotations while they are read, as the parser's tables call them: a policy is where they stand first."""


@dataclass(slots=True)
class Recovery:
    """Mends one parse; remembers where it did."""

    machine: Machine
    mended: int = 0
    """How often a token could not follow."""
    said: int = 0
    resumed: int = -1
    """The token after the last mistake."""
    firm: bool = True
    """True when that one begins a statement or a declaration, so that what follows is not part of the mistake."""
    braces: Braces = field(init=False)

    def __post_init__(self) -> None:
        self.braces = Braces(self.machine.tokens)

    def mend_hole(self, token: int) -> int:
        """Say what is wrong with the expression in a hole; -1 when it could be read after all.

        That is so where a keyword names something in this file, which was said where it does.
        """
        while token >= 0 and names_value(self.machine, token):
            self.machine.tokens.kinds[token] = "NAME"
            token = self.machine.feed(token)
        if token >= 0 and not self._lexical(token) and not self._guessed(token):
            self.machine.maker.say(hole(trouble(self.machine, token)))
        return token

    def mend(self, token: int) -> int:
        """Say what is wrong with a token that cannot follow, put the stack right, and give the token to go on with."""
        self.mended += 1
        end = self.machine.tokens.count - 1
        token = min(token, end)
        if self.said >= _MOST_MESSAGES or self.mended > _MOST_MENDED:
            return self._resume(end)
        if self._is_name(token - 1) and self._back(token - 1, ()):
            token -= 1
        at = trouble(self.machine, token)
        lexical = self._lexical(token)
        near = not self.firm and 0 <= token - self.resumed < 2
        quiet = lexical or (near and at.kind != "BEHIND") or self._guessed(token)
        finding = explain(at, self.braces)
        self.firm = False
        if not quiet and finding.diagnostic is not None:
            self.machine.maker.say(finding.diagnostic)
            self.said += 1
        goes_on = self._repair(at, finding)
        self.resumed = goes_on
        return goes_on

    def _lexical(self, token: int) -> bool:
        """Say what is wrong with the spelling of a token; True when something is."""
        found = self.machine.tokens.mistakes.pop(token, [])
        for diagnostic in found:
            self.machine.maker.say(diagnostic)
        self.said += len(found)
        return bool(found)

    def _guessed(self, token: int) -> bool:
        """True when a token of this statement, or this token, may be something else: it ended where it may not have
        ended, or is a keyword that names a value."""
        tokens = self.machine.tokens
        for one in range(token, -1, -1) if self.machine.maker.kept else ():
            begins = starts_statement(tokens, one) or starts_declaration(tokens, one)
            if begins and one < token and (tokens.begins_line(one) or tokens.kinds[one - 1] == "LBRACE"):
                break
            if names_value(self.machine, one):
                return True
        for guess in tokens.guesses:
            between = range(guess + 1, token)
            if guess <= token and not any(
                starts_statement(tokens, n) or starts_declaration(tokens, n) for n in between
            ):
                return True
        return False

    def _repair(self, at: Trouble, finding: Finding) -> int:
        machine, token = self.machine, at.token
        match finding.repair:
            case Insert(kinds, None) if machine.takes(*kinds, at.kind):
                self._insert(*kinds, before=token)
                return token
            case Insert(kinds, int(earlier)) if self._back(earlier, ()):
                self._insert(*kinds, before=earlier)
                return earlier
            case Replace(kinds) if machine.takes(*kinds):
                machine.tokens.kinds[token : token + len(kinds)] = kinds
                return token
            case Reread(token=earlier, kinds=kinds) if self._back(earlier, kinds):
                return earlier
            case Instead(first, kinds, following) if self._back(first, kinds):
                for read in range(first, first + len(kinds)):
                    machine.feed(read, only=True)
                return following
            case Skip(token=following):
                return following
            case Search(token=following):
                return self._go_on(following, token)
            case _:
                return self._go_on(token, token)

    def _is_name(self, token: int) -> bool:
        """True for the word of a declaration at the begin of a line that was taken for a name."""
        symbols, kinds = self.machine.symbols(), self.machine.tokens.kinds
        return starts_declaration(self.machine.tokens, token) and symbols[-1:] != [kinds[token]]

    def _back(self, token: int, kinds: tuple[str, ...]) -> bool:
        """Undo what was done since a token, and give it and those after it other kinds; False when that cannot be."""
        machine = self.machine
        height = bisect_left(machine.begins, machine.tokens.starts[token])
        if machine.begins[height : height + 1] != [machine.tokens.starts[token]]:
            return False
        if machine.symbols()[height] == "annotations" or not machine.takes(*kinds, height=height):
            return False
        machine.cut(height)
        machine.end = machine.tokens.ends[token - 1] if token else 0
        machine.tokens.kinds[token : token + len(kinds)] = kinds
        return True

    def _insert(self, *kinds: str, before: int) -> None:
        """Take tokens that are not written, as if they stood before a token."""
        place = self.machine.end
        for kind in kinds:
            self.machine.feed(self.machine.tokens.add(kind, place, place), only=True)

    # --- going on ---------------------------------------------------------------------------------------------------

    def _go_on(self, token: int, wrong: int) -> int:
        """Find where things can go on, from a token, after one that is wrong.

        Annotations go with what they stand above: where nothing of it could be read they are dropped, and an annotated
        step of which a part is passed over gets a value that says nothing, on which nobody judges them.
        """
        machine = self.machine
        _drop_annotations(machine)
        action = self._torn_action(wrong)
        following = self._resume(token)
        kept = 0 < action < len(machine.begins) and machine.begins[action] < machine.tokens.starts[wrong]
        if kept and machine.takes("BROKEN", machine.tokens.kinds[following], height=action, exact=True):
            begin = machine.begins[action]
            machine.cut(action)
            machine.feed(machine.tokens.add("BROKEN", begin, machine.end), only=True)
        return following

    def _torn_action(self, wrong: int) -> int:
        """The height of the stack on which the action of an annotated step stands that a token is in the midst of; 0
        when there is none, or a block of it is open."""
        tokens, symbols = self.machine.tokens, self.machine.symbols()
        begins = starts_declaration(tokens, wrong) or starts_statement(tokens, wrong)
        above = max((n for n, name in enumerate(symbols) if name == "annotations"), default=-1)
        if begins or tokens.kinds[wrong] in {*CLOSERS, "$END"} or above < 0 or not self.machine.values[above]:
            return 0
        is_step = symbols[above + 1 : above + 4 : 2] == ["STEP", "EQUAL"]
        opener = (open_brackets(symbols) or [-1])[-1]
        return above + 4 if is_step and (opener < above or symbols[opener] != "LBRACE") else 0

    def _resume(self, token: int) -> int:
        """Find the next token from which things can go on, and put the stack into the state that it needs."""
        tokens, first = self.machine.tokens, token
        while token < tokens.count - 1:
            kind = tokens.kinds[token]
            begins = starts_declaration(tokens, token) or starts_statement(tokens, token)
            if (begins and self._fit(token)) or (kind in CLOSERS and self._closes(token)):
                self.firm = begins
                return token
            if kind == "LBRACE" and self._fit(token, behind=("STEP",)):
                return token
            if kind in {"KEY", "STRING"} and tokens.begins_line(token) and self._fit(token, behind=("COLON",)):
                return token
            if token > first and self._begins_item(token, first) and self._item():
                self.firm = True
                return token
            past = self.braces.past(token) if kind in OPENERS else None
            token = past or token + 1
        self._fit(token)
        return token

    def _begins_item(self, token: int, first: int) -> bool:
        """True for a word at the begin of a line that is indented no more than the line of a broken item.

        Whatever it is meant to be, it is something new.
        """
        tokens = self.machine.tokens
        if not tokens.begins_line(token) or tokens.kinds[token - 1] in {"COMMA", "EQUAL", "GIVES", "COLON", "VBAR"}:
            return False
        if not tokens.written(token)[:1].isidentifier():
            return False
        return column(tokens, token) <= indent(tokens, first)

    def _item(self) -> bool:
        """Cut the stack to where a statement or a declaration can begin, if no other brackets are open."""
        machine = self.machine
        opener = (open_brackets(machine.symbols()) or [-1])[-1]
        for height in range(len(machine.values), opener, -1):
            if any(machine.takes(kind, height=height, exact=True) for kind in ("STEP", "FLOW", "EXPECT")):
                machine.cut(_below_annotations(machine, height))
                return True
        return False

    def _closes(self, token: int) -> bool:
        """Close the bracket that a closing one belongs to; drop it with what stands in it when that cannot be."""
        machine, opener = self.machine, self.braces.opener(token)
        heights = [height for height in open_brackets(machine.symbols()) if machine.values[height] == opener]
        if not heights:
            return False
        if self._fit(token, floor=heights[0] + 1):
            return True
        machine.cut(heights[0])
        return False

    def _fit(self, token: int, *, behind: tuple[str, ...] = (), floor: int = 0) -> bool:
        """Make the stack such that a token can stand on it, above a height, if it can.

        With `behind`, only in the innermost brackets and where tokens of those kinds can follow it.
        """
        machine, kind = self.machine, self.machine.tokens.kinds[token]
        if behind:
            symbols = machine.symbols()
            inner = [n for n in open_brackets(symbols) if kind != "LBRACE" or symbols[n] == "LBRACE"]
            floor = (inner or [-1])[-1] + 1
        kinds = ("STEP",) if kind in {"IF", "MATCH"} else (kind, *behind)
        height = self._height(kinds, floor)
        if height is None:
            return False
        while (brackets := open_brackets(machine.symbols())) and brackets[-1] >= height:
            self._close(brackets[-1], token)
        found = self._height(kinds, 0)
        if found is None:
            return False
        self._cut(found, kinds, token)
        return True

    def _height(self, kinds: tuple[str, ...], floor: int, *, inside: int | None = None) -> int | None:
        """The greatest height of the stack on which tokens can follow, perhaps after a value.

        With `inside`, only where the bracket at that height is the innermost open one.
        """
        symbols = [] if inside is None else self.machine.symbols()
        for height in range(len(self.machine.values), floor - 1, -1):
            if inside is not None and open_brackets(symbols[:height])[-1:] != [inside]:
                continue
            for begin in ((), ("BROKEN",)):
                if self.machine.takes(*begin, *kinds, height=height, exact=True):
                    return height
        return None

    def _cut(self, height: int, kinds: tuple[str, ...], token: int) -> None:
        """Cut the stack, and put in a value where one is needed before the tokens that follow."""
        machine = self.machine
        height = _below_annotations(self.machine, height)
        needs_value = not machine.takes(*kinds, height=height, exact=True)
        begin = machine.begins[height] if height < len(machine.begins) else machine.end
        machine.cut(height)
        if needs_value:
            end = max(begin, machine.tokens.ends[token - 1] if token else 0)
            machine.feed(machine.tokens.add("BROKEN", begin, end), only=True)

    def _close(self, opener: int, token: int) -> None:
        """Close the innermost open bracket, or drop what it is part of."""
        machine = self.machine
        closer = OPENERS[machine.symbols()[opener]]
        height = self._height((closer,), opener + 1, inside=opener)
        if height is None:
            machine.cut(opener)
            return
        self._cut(height, (closer,), token)
        self._insert(closer, before=token)


def _drop_annotations(machine: Machine) -> None:
    """Drop annotations under which nothing stands yet."""
    symbols = machine.symbols()
    opener = (open_brackets(symbols) or [-1])[-1]
    above = (n for n, name in enumerate(symbols) if name == "ABOVE" or name.startswith(_READ_SO_FAR))
    first = next((n for n in above if n > opener), None)
    if first is not None and any(machine.takes(kind, exact=True) for kind in ("STEP", "LET", "AGENT")):
        machine.cut(first)


def _below_annotations(machine: Machine, height: int) -> int:
    """The height below annotations on which something else than what they stand above is to begin."""
    return height - (machine.symbols()[height - 1 : height] == ["annotations"])
