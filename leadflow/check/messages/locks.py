"""FLOW238 to FLOW240: what is wrong with the servers that agents name, and with their locks."""

from leadflow.diagnostics import Span
from leadflow.diagnostics.codes import Draft, code


@code("FLOW238", "Server without a lock", severity="warning")
def no_lock(span: Span, server: str, *, path: str) -> Draft:
    """The tools of a server are what was seen when an operator looked at them: names, arguments and answers stand in
    its lock, a file beside the flows. Without it nothing is known of them here, every answer is `json`, and no run
    that calls the server starts.

    ```flow
    leadflow 1
    agent notes: mcp.notes { reads: ["list_directory"] }
    flow main() -> json {
      step found = notes.list_directory(path: "/srv/notes")
      return found
    }
    ```

    Name a server that `leadflow.toml` allows, write its lock with `leadflow mcp pin filesystem`, and keep it with the
    flows. What is called is then checked:

    ```flow
    leadflow 1
    agent notes: mcp.filesystem { reads: ["list_directory"] }
    flow main() -> json {
      step found = notes.list_directory(path: "/srv/notes")
      return found.content
    }
    ```
    """
    return Draft(span, f"the server '{server}' has no lock: nothing is known of its tools, and no run starts",
                 notes=(f"`leadflow mcp pin {server}` asks the server once, and writes {path}",))  # fmt: skip


@code("FLOW239", "Lock that cannot be used")
def broken_lock(span: Span, path: str, *, server: str, why: str) -> Draft:
    """A lock is written by `leadflow mcp pin`, and by nothing else. This one is none: half of a merge, or another
    version of leadflow wrote it.

    ```flow
    leadflow 1
    agent notes: mcp.torn
    flow main() -> json {
      step found = notes.list_directory(path: "/srv/notes")
      return found
    }
    ```

    Write it anew, and look at what has changed:

    ```flow
    leadflow 1
    agent notes: mcp.filesystem
    flow main() -> json {
      step found = notes.list_directory(path: "/srv/notes")
      return found.content
    }
    ```
    """
    return Draft(span, f"the lock {path} cannot be used: {why}",
                 notes=(f"`leadflow mcp pin {server}` writes it anew",))  # fmt: skip


@code("FLOW240", "Server without a name")
def no_server(span: Span) -> Draft:
    """Which server of tools an agent speaks to stands in its kind: `mcp.NAME` is the server that `leadflow.toml` starts
    or reaches under `[mcp.NAME]`. The name of the agent does not say it.

    ```flow
    leadflow 1
    agent filesystem: mcp { reads: ["list_directory"] }
    ```

    ```flow
    leadflow 1
    agent files: mcp.filesystem { reads: ["list_directory"] }
    ```
    """
    return Draft(span, "'mcp' names no server: the kind is 'mcp.NAME', as 'mcp.filesystem' for the server of"
                 " [mcp.filesystem] in leadflow.toml")  # fmt: skip
