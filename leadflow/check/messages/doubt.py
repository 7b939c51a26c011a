"""FLOW458: what looks whether a step was done."""

from leadflow.diagnostics import Draft, Span, code


@code("FLOW458", "A probe that cannot tell")
def bad_probe(span: Span, why: str) -> Draft:
    """When a process ends in the middle of a call that changes something, nobody knows whether it was done. A probe
    looks: its value is what the step would have given, or none when the step was not done. So it is a call that changes
    nothing, and its step gives something.

    ```flow
    leadflow 1
    type Case { id: string }
    agent crm: http { url: "https://crm.example.com" }
    flow main(order: string) -> Case {
      @on_doubt(probe: crm.post("/cases/find", json: order))
      step filed: Case = crm.post("/cases", json: order)
      return filed
    }
    ```

    ```flow
    leadflow 1
    type Case { id: string }
    agent crm: http { url: "https://crm.example.com" }
    flow main(order: string) -> Case {
      @on_doubt(probe: crm.get("/orders/${order}/case"))
      step filed: Case = crm.post("/cases", json: order)
      return filed
    }
    ```
    """
    return Draft(span, why)
