"""FLOW517 and FLOW520: warnings about questions that have one answer."""

from leadflow.diagnostics import Draft, Span, code


@code("FLOW517", "Answer known beforehand", severity="warning")
def known_beforehand(span: Span, why: str) -> Draft:
    """The condition has one answer in every run, so what stands for the other one is never reached.

    ```flow
    leadflow 1
    agent desk: human { }
    flow main(text: string) -> string {
      step ok = desk.approve("Send it?", show: text)
      if ok {
        return "sent"
      }
      return "kept"
    }
    ```

    A no is a failure; say what follows it with `catch`:

    ```flow
    leadflow 1
    agent desk: human { }
    flow main(text: string) -> string {
      step ok = desk.approve("Send it?", show: text) catch e => false
      if ok {
        return "sent"
      }
      return "kept"
    }
    ```
    """
    return Draft(span, why)


@code("FLOW520", "Test that expects nothing", severity="warning")
def expects_nothing(span: Span, name: str) -> Draft:
    """A run in a test never fails by itself; what it did is looked at with `expect`. Without one the test passes
    whatever happens.

    ```flow
    leadflow 1
    flow main() -> string { return "hello" }
    test "says hello" {
      run r = main()
    }
    ```

    ```flow
    leadflow 1
    flow main() -> string { return "hello" }
    test "says hello" {
      run r = main()
      expect r.value == "hello"
    }
    ```
    """
    return Draft(span, f"test '{name}' expects nothing, so it passes whatever happens")
