"""The kind `mcp`: servers of the Model Context Protocol, through its official SDK.

`kind` makes the agents and is all that is loaded while no program names a server; `link` holds a server from its start
to its end, over `stdio` or `http`; `told` says what its answers and its errors mean. The SDK is an extra of its own
(`pip install 'leadflow[mcp]'`), imported by `link` and what it needs, and by nothing else.
"""
