"""Language models: one agent (`agent`) on wire-neutral records (`turns`), and a thin file for each wire that they are
spoken to on: `chat` and `responses` of OpenAI, `messages` of Anthropic.
"""
