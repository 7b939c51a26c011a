"""Run: plan -> events. The kernel decides (pure), the driver does (the only async loop), ports are the world.

Loads neither lark nor networkx: whoever has a plan can run it.
"""
