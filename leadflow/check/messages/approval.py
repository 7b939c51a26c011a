"""FLOW417 and FLOW418: what the checker says about approval before danger (rule C9)."""

from collections.abc import Sequence

from leadflow.diagnostics import Draft, Fix, Label, Span, code


@code("FLOW417", "Danger without approval")
def without_approval(span: Span, what: str, *, why: str, labels: tuple[Label, ...], fix: Fix | None) -> Draft:
    """What is dangerous happens only after a person has said yes, whatever way the flow takes. `approve` returns on
    yes and fails on no; so it counts where nothing absorbs that failure: no `@optional`, `catch` or `partial`.

    ```flow
    leadflow 1
    @dangerous tool drop(table: string) -> bool = python("tools.py:drop")
    agent desk: human { }
    flow main(table: string, old: bool) -> bool {
      if old {
        step ok = desk.approve("Drop it?", show: { table: table })
      }
      step done = drop(table: table)
      return done
    }
    ```

    ```flow
    leadflow 1
    @dangerous tool drop(table: string) -> bool = python("tools.py:drop")
    agent desk: human { }
    flow main(table: string, old: bool) -> bool {
      step ok = desk.approve("Drop it?", show: { table: table, old: old })
      step done = drop(table: table)
      return done
    }
    ```

    Each flow asks for itself, because each can be started by itself. A flow that asks on all its paths counts as an
    approval where it is called.
    """
    return Draft(span, f"{what} {why}", labels, fix=fix)


@code("FLOW418", "Approval that shows too little")
def shows_too_little(
    span: Span, values: Sequence[str], *, step: str, labels: tuple[Label, ...], fix: Fix | None
) -> Draft:
    """A person can only say yes to what they see. Everything that a dangerous step reads, and that is not a constant,
    stands in the `show:` of one approval above it, or is computed from what stands there.

    ```flow
    leadflow 1
    @dangerous tool drop(table: string, reason: string) -> bool = python("tools.py:drop")
    agent desk: human { }
    flow main(table: string, reason: string) -> bool {
      step ok = desk.approve("Drop it?", show: { table: table })
      step done = drop(table: table, reason: reason)
      return done
    }
    ```

    ```flow
    leadflow 1
    @dangerous tool drop(table: string, reason: string) -> bool = python("tools.py:drop")
    agent desk: human { }
    flow main(table: string, reason: string) -> bool {
      step ok = desk.approve("Drop it?", show: { table: table, reason: reason })
      step done = drop(table: table, reason: reason)
      return done
    }
    ```
    """
    listed = " and ".join(filter(None, (", ".join(values[:-1]), values[-1])))
    hint = "show it, too" if len(values) == 1 else "show them, too"
    message = f"dangerous step '{step}' reads {listed}, which the approval above does not show; {hint}"
    return Draft(span, message, labels, fix=fix)
