"""How types are written, and what is declared with one: fields, parameters, bound names.

Types nest only in brackets, which the parser counts, so plain recursion is deep enough.
"""

from collections.abc import Sequence
from typing import assert_never

from leadflow.syntax.format_comments import Comments, Slot, listing, without_head
from leadflow.syntax.format_expr import Expressions, dotted
from leadflow.syntax.format_text import quoted, word_or_string
from leadflow.syntax.layout import LINE, SOFT, Doc, concat, group, indent, joined
from leadflow.syntax.tree import (
    Annotation,
    Field,
    GenericType,
    Ident,
    LiteralType,
    NamedType,
    OptionalType,
    Param,
    RecordType,
    TypeExpr,
    UnionType,
)


class Types:
    """Writes the types of one text, in its order, with the comments that stand in their brackets."""

    def __init__(self, comments: Comments, expressions: Expressions) -> None:
        self._comments = comments
        self._expressions = expressions

    def write(self, type_: TypeExpr) -> Doc:
        """The layout of a type."""
        match type_:
            case NamedType(path=path):
                return dotted(path)
            case LiteralType(value=value):
                return quoted(value)
            case OptionalType(inner=inner):
                return concat(self._shape(inner), "?")
            case UnionType(members=members):
                return self._union(members)
            case GenericType(path=path, args=args):
                row = joined([self.write(arg) for arg in args], concat(",", LINE))
                return group(f"{dotted(path)}[", indent(SOFT, row), SOFT, "]")
            case RecordType(fields=fields):
                return self._record(type_, fields)
            case _:
                assert_never(type_)

    def bound(self, name: Ident, type_: TypeExpr | None) -> Doc:
        """`name: type`, or the name alone."""
        return name.text if type_ is None else concat(name.text, ": ", self.write(type_))

    def field(self, field: Field | Param) -> Doc:
        """`name: type = default @range(0, 1)`, its annotations on the line where the rest ends (rule D1)."""
        row: list[Doc] = [word_or_string(field.name), ": ", self.write(field.type)]
        if field.default is not None:
            row += [" = ", self._expressions.write(field.default)]
        for annotation in field.annotations:
            row += [" ", self.annotation(annotation)]
        return joined(row)

    def annotation(self, annotation: Annotation) -> Doc:
        """`@name(args)`."""
        name = f"@{dotted(annotation.path)}"
        if annotation.args is None:
            return name
        anchor = annotation.path[-1].span.end
        return concat(name, self._expressions.arguments(annotation.args, anchor, annotation.span.end))

    def fields(self, fields: Sequence[Field], limit: int) -> list[Slot]:
        """The fields of a record with their comments."""
        slots: list[Slot] = []
        for field in fields:
            opening = self._comments.open(field.span.start, doc=field.doc)
            slots.append(self._comments.close(opening, field.span, self.field(field), limit))
        return slots

    def params(self, params: Sequence[Param], anchor: int, limit: int) -> Doc:
        """`(name: type, name: type = default)`."""
        comments = self._comments
        slots: list[Slot] = []
        for param in params:
            opening = comments.open(param.span.start)
            slots.append(comments.close(opening, param.span, self.field(param), limit))
        if not slots:
            return "()"
        head, slots, tail = without_head(slots, comments.open(limit), comments=comments, anchor=anchor)
        return listing("()", slots, tail, head=head)

    def _shape(self, type_: TypeExpr) -> Doc:
        doc = self.write(type_)
        return concat("(", doc, ")") if isinstance(type_, OptionalType | UnionType) else doc

    def _union(self, members: Sequence[TypeExpr]) -> Doc:
        docs = [concat("(", self.write(m), ")") if isinstance(m, UnionType) else self.write(m) for m in members]
        return group(docs[0], indent(*[concat(LINE, "| ", doc) for doc in docs[1:]]))

    def _record(self, type_: RecordType, fields: Sequence[Field]) -> Doc:
        comments = self._comments
        start, limit = type_.span.start, type_.span.end
        slots = self.fields(fields, limit)
        head, slots, tail = without_head(slots, comments.open(limit), comments=comments, anchor=start)
        return listing("{}", slots, tail, head=head)
