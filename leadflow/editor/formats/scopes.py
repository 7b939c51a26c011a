"""The names that TextMate and its descendants give to pieces, so that their themes have a colour for each."""

from leadflow.editor.rules import Kind

ROOT = "source.leadflow"

SCOPES = {
    Kind.COMMENT: "comment.line.number-sign.leadflow",
    Kind.KEYWORD: "keyword.control.leadflow",
    Kind.CONSTANT: "constant.language.leadflow",
    Kind.OPERATOR: "keyword.operator.word.leadflow",
    Kind.STRING: "string.quoted.double.leadflow",
    Kind.ESCAPE: "constant.character.escape.leadflow",
    Kind.HOLE: "punctuation.section.embedded.leadflow",
    Kind.NUMBER: "constant.numeric.leadflow",
    Kind.NAME: "entity.name.function.leadflow",
    Kind.ANNOTATION: "storage.type.annotation.leadflow",
    Kind.KEY: "support.type.property-name.leadflow",
    Kind.BAD: "invalid.illegal.number.leadflow",
}
"""Kind -> scope; what is plain has none."""

INSIDE = {
    "string": SCOPES[Kind.STRING],
    "block": SCOPES[Kind.STRING],
    "plain": SCOPES[Kind.STRING],
    "hole": "meta.template.expression.leadflow",
}
"""State -> the scope of all that stands in it. Themes take the colour of a string away from a template's expression."""
