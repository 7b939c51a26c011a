"""leadflow for Pygments. Written by `leadflow grammar export`; `pip install leadflow` registers the same lexer.

    pygmentize -x -l leadflow_lexer.py:LeadflowLexer main.flow
"""

import re

from pygments.lexer import RegexLexer
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String, Text

__all__ = ["LeadflowLexer"]


class LeadflowLexer(RegexLexer):
    """The language of flows of AI agents."""

    name = 'leadflow'
    aliases = ['leadflow']
    filenames = ['*.flow']
    mimetypes = ['text/x-leadflow']

    tokens = {
        'root': [
            ('(?:#[^\\n]*)', Comment.Single),
            ('(?:""")', String.Double, 'block'),
            ('(?:")', String.Double, 'string'),
            ('(?:(?:[0-9][0-9_]*(?:\\.[0-9]+)?(?:ms|s|m|h|d))+)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])', Number),
            ('(?:[0-9][0-9_]*(?:\\.[0-9]+)?(?:KB|MB|GB))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])', Number),
            ('(?:\\$[0-9][0-9_]*(?:\\.[0-9]+)?)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])', Number),
            ('(?:[0-9][0-9_]*\\.[0-9]+)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])', Number),
            ('(?:[0-9][0-9_]*)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])', Number),
            ('(?:\\$?[0-9](?:[0-9A-Za-z_]|[^\\x00-\\x7F]|\\.+(?:[0-9A-Za-z_]|[^\\x00-\\x7F]))*)', Error),
            ('(?:\\??\\.[ \\t]*(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)', Text),
            ('(?:@[ \\t]*(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)', Name.Decorator),
            ('(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)(?=[ \\t]*:)(?![ \\t]*:=)', Name.Attribute),
            ('(?:(?:step|let))(?![A-Za-z0-9_]|[^\\x00-\\x7F])', Keyword, 'declaration'),
            ('(?:(?:profile|policy|agent|const|flow|tool|type))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?![ \\t]*[.,)\\]}=?|+*/%<>!])', Keyword, 'declaration'),
            ('(?:(?:false|none|true))(?![A-Za-z0-9_]|[^\\x00-\\x7F])', Keyword.Constant),
            ('(?:(?:and|not|in|or))(?![A-Za-z0-9_]|[^\\x00-\\x7F])', Operator.Word),
            ('(?:(?:parallel|repeat|return|await|catch|match|yield|case|else|fail|race|step|then|when|with|for|let|try|do|fn|if))(?![A-Za-z0-9_]|[^\\x00-\\x7F])', Keyword),
            ('(?:(?:leadflow|profile|expect|policy|replay|after|agent|const|until|flow|mock|most|test|tool|type|undo|per|run|use|as|at|on))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?![ \\t]*[.,)\\]}=?|+*/%<>!])', Keyword),
            ('(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)', Text),
            ('\\n', Text),
            ('[^\\n]', Text),
        ],
        'declaration': [
            ('(?:#[^\\n]*)', Comment.Single),
            ('(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)(?=[ \\t]*:)(?![ \\t]*:=)', Name.Function, '#pop'),
            ('(?:(?:step|let))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?![ \\t]*:)', Keyword),
            ('(?:(?:false|none|true))(?![A-Za-z0-9_]|[^\\x00-\\x7F])', Keyword.Constant, '#pop'),
            ('(?:(?:and|not|in|or))(?![A-Za-z0-9_]|[^\\x00-\\x7F])', Operator.Word, '#pop'),
            ('(?:(?:parallel|repeat|return|await|catch|match|yield|case|else|fail|race|then|when|with|for|try|do|fn|if))(?![A-Za-z0-9_]|[^\\x00-\\x7F])', Keyword, '#pop'),
            ('(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)', Name.Function, '#pop'),
            ('(?=[^ \\t\\n#])', Text, '#pop'),
            ('\\n', Text),
            ('[^\\n]', Text),
        ],
        'string': [
            ('(?:\\$\\$\\{)', String.Escape),
            ('(?:\\\\u\\{[0-9A-Fa-f]*\\})', String.Escape),
            ('(?:\\\\[^\\n])', String.Escape),
            ('(?:\\$\\{)(?=[^{}"\\n]*(?:"(?:[^"\\\\\\n$]|\\\\[^\\n]|\\$+(?:[^{"\\\\\\n$]|\\\\[^\\n]))*\\$*"[^{}"\\n]*)*\\})', String.Interpol, 'hole'),
            ('(?:")', String.Double, '#pop'),
            ('(?:[^"\\\\$\\n]+)', String.Double),
            ('\\n', String.Double, '#pop'),
            ('[^\\n]', String.Double),
        ],
        'block': [
            ('(?:\\$\\$\\{)', String.Escape),
            ('(?:\\\\u\\{[0-9A-Fa-f]*\\})', String.Escape),
            ('(?:\\\\[^\\n])', String.Escape),
            ('(?:\\$\\{)(?=[^{}"\\n]*(?:"(?:[^"\\\\\\n$]|\\\\[^\\n]|\\$+(?:[^{"\\\\\\n$]|\\\\[^\\n]))*\\$*"[^{}"\\n]+)*(?:"(?:[^"\\\\\\n$]|\\\\[^\\n]|\\$+(?:[^{"\\\\\\n$]|\\\\[^\\n]))*\\$*")?\\})', String.Interpol, 'hole'),
            ('(?:""")', String.Double, '#pop'),
            ('(?:[^"\\\\$\\n]+)', String.Double),
            ('\\n', String.Double),
            ('[^\\n]', String.Double),
        ],
        'hole': [
            ('(?:\\})', String.Interpol, '#pop'),
            ('(?:#[^{}"\\n]*(?:"(?:[^"\\\\\\n$]|\\\\[^\\n]|\\$+(?:[^{"\\\\\\n$]|\\\\[^\\n]))*\\$*"[^{}"\\n]*)*)', Comment.Single),
            ('(?:")', String.Double, 'plain'),
            ('(?:(?:[0-9][0-9_]*(?:\\.[0-9]+)?(?:ms|s|m|h|d))+)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])', Number),
            ('(?:[0-9][0-9_]*(?:\\.[0-9]+)?(?:KB|MB|GB))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])', Number),
            ('(?:\\$[0-9][0-9_]*(?:\\.[0-9]+)?)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])', Number),
            ('(?:[0-9][0-9_]*\\.[0-9]+)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])', Number),
            ('(?:[0-9][0-9_]*)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])', Number),
            ('(?:\\$?[0-9](?:[0-9A-Za-z_]|[^\\x00-\\x7F]|\\.+(?:[0-9A-Za-z_]|[^\\x00-\\x7F]))*)', Error),
            ('(?:\\??\\.[ \\t]*(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)', Text),
            ('(?:@[ \\t]*(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)', Name.Decorator),
            ('(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)(?=[ \\t]*:)(?![ \\t]*:=)', Name.Attribute),
            ('(?:(?:false|none|true))(?![A-Za-z0-9_]|[^\\x00-\\x7F])', Keyword.Constant),
            ('(?:(?:and|not|in|or))(?![A-Za-z0-9_]|[^\\x00-\\x7F])', Operator.Word),
            ('(?:(?:parallel|repeat|return|await|catch|match|yield|case|else|fail|race|step|then|when|with|for|let|try|do|fn|if))(?![A-Za-z0-9_]|[^\\x00-\\x7F])', Keyword),
            ('(?:(?:leadflow|profile|expect|policy|replay|after|agent|const|until|flow|mock|most|test|tool|type|undo|per|run|use|as|at|on))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?![ \\t]*[.,)\\]}=?|+*/%<>!])', Keyword),
            ('(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)', Text),
            ('\\n', Text),
            ('[^\\n]', Text),
        ],
        'plain': [
            ('(?:\\\\[^\\n])', String.Escape),
            ('(?:")', String.Double, '#pop'),
            ('\\n', String.Double),
            ('[^\\n]', String.Double),
        ],
    }

    def analyse_text(text):
        """Every file of the language says so in the first line that is no comment."""
        return 0.9 if re.match(r"(?:#[^\n]*\n|\s)*leadflow [0-9]", text) else 0.0
